import { canonicalHost, isLoopback } from '../../core/options/host-name.ts';

/** Different texts of `Host` whose result is kept. A client may send any number of them. */
const mostKept = 1000;

export interface HostRules {
  /** `server.allowedHosts`. */
  readonly list: readonly string[] | undefined;
  /** The listener listens on a loopback address. */
  readonly loopback: boolean;
  /** With a list, `localhost` and loopback addresses are allowed as well if the listener listens on one. */
  readonly alwaysLoopback: boolean;
}

/** Decides which hosts a request may name. A rebound name of a web page (DNS rebinding) is not one of them. */
export class AllowedHosts {
  /** Whether hosts are checked at all. */
  readonly checked: boolean;
  readonly #exact: ReadonlySet<string>;
  /** `.example.org` for `*.example.org`. */
  readonly #suffixes: readonly string[];
  readonly #loopback: boolean;
  readonly #kept = new Map<string, boolean>();

  constructor({ list, loopback, alwaysLoopback }: HostRules) {
    this.checked = list !== undefined || loopback;
    this.#exact = new Set(list);
    this.#suffixes = (list ?? []).filter((host) => host.startsWith('*.')).map((host) => host.slice(1));
    this.#loopback = loopback && (list === undefined || alwaysLoopback);
  }

  /** Whether a request may name this authority: a host, and a port that is ignored. */
  allows(authority: string): boolean {
    if (!this.checked) return true;
    const kept = this.#kept.get(authority);
    if (kept !== undefined) return kept;
    const host = canonicalHost(authority.replace(/:\d*$/, ''));
    const allowed = host !== undefined && this.#allowsHost(host);
    if (this.#kept.size >= mostKept) this.#kept.clear();
    this.#kept.set(authority, allowed);
    return allowed;
  }

  #allowsHost(host: string): boolean {
    if (this.#exact.has(host) || (this.#loopback && isLoopback(host))) return true;
    return this.#suffixes.some((suffix) => host.endsWith(suffix) && host.length > suffix.length);
  }
}

/**
 * The authority that a request names: that of its target if the target is in absolute form, otherwise its `Host`
 * (RFC 9112, section 3.2.2). Undefined for HTTP/1.0 without `Host`.
 */
export function authorityOf(target: string, host: string | undefined): string | undefined {
  if (target.startsWith('/')) return host;
  const { authority } = /^[a-z][a-z\d+.-]*:\/\/(?<authority>[^/?#]*)/i.exec(target)?.groups ?? {};
  return authority ?? host;
}
