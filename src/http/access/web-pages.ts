import type { IncomingHttpHeaders } from 'node:http';
import { isAddress } from '../../core/options/host-name.ts';

/** The web page that sent a request, as far as its browser says. */
export type Visitor =
  /** No page of another origin: another client, a person who typed the address, or a page of this listener. */
  | 'own'
  /** A page of an origin that is allowed; it may read the answer. */
  | 'allowed'
  /** A page of another origin, or one that may have any origin. */
  | 'foreign';

export interface PageRules {
  /** The origins that are allowed; `*` for all of them. */
  readonly origins: ReadonlySet<string>;
  /**
   * Whether a page counts as one of this listener only if its host cannot be a rebound name: the host is an address, or
   * was checked, or the connection is TLS.
   */
  readonly provesHost: boolean;
}

/** Where a request came in. */
export interface Arrival {
  /** The host and port that the request names; undefined if it names none. */
  readonly authority: string | undefined;
  /** The host was compared with the allowed ones. */
  readonly hostChecked: boolean;
  readonly encrypted: boolean;
}

/** Values of `Sec-Fetch-Site` for a request that no other origin has caused. */
const ownSites: readonly (string | undefined)[] = [undefined, 'none', 'same-origin'];

/**
 * Decides whose request this is, whatever its method and its body. A browser adds `Origin` to every request that a page
 * makes by POST or reads across origins. Other requests (`<img>`, `<script>`, a link) have only `Sec-Fetch-Site`, and
 * that only if the address of the service is https or a loopback address. No page can set either of the two.
 */
export function visitorOf(headers: IncomingHttpHeaders, arrival: Arrival, rules: PageRules): Visitor {
  const { origin, 'sec-fetch-site': site } = headers;
  if (origin === undefined) return ownSites.some((own) => own === site) ? 'own' : 'foreign';
  if (isOwn(origin, site, arrival, rules)) return 'own';
  return origin !== 'null' && (rules.origins.has(origin) || rules.origins.has('*')) ? 'allowed' : 'foreign';
}

function isOwn(
  origin: string,
  site: string | string[] | undefined,
  { authority, hostChecked, encrypted }: Arrival,
  { provesHost }: PageRules,
): boolean {
  const page = URL.parse(origin);
  if (page === null || authority === undefined || page.origin !== origin) return false;
  // The port of the scheme is left out in `Origin`, and may be left out in `Host`.
  if (URL.parse(`${page.protocol}//${authority}`)?.host !== page.host) return false;
  // Behind a proxy with TLS the page has https and the request comes in over http: then the browser says it.
  const sameScheme = page.protocol === (encrypted ? 'https:' : 'http:') || site === 'same-origin';
  return sameScheme && (!provesHost || hostChecked || encrypted || isAddress(page.hostname));
}

/** Whether a request is the question of a browser whether a page may make another request (Fetch, section 4.8). */
export function isPreflight(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/** How long a browser may keep the answer to a preflight. Each request itself is checked by the rules in force. */
const preflightSeconds = 600;

/** The fields of the answer to a preflight, beside those of every answer to an allowed page. */
export function preflightFields(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  return {
    'access-control-allow-methods': 'GET, HEAD, POST',
    'access-control-allow-headers':
      'Authorization, Content-Encoding, Content-Type, X-Request-Id, Traceparent, Tracestate',
    'access-control-max-age': String(preflightSeconds),
    // Private Network Access: a public page may call a service in a private network.
    ...(headers['access-control-request-private-network'] === 'true' && {
      'access-control-allow-private-network': 'true',
    }),
  };
}

/** The fields of every answer to a page of this allowed origin. */
export function allowedFields(origin: string): Readonly<Record<string, string>> {
  return {
    'access-control-allow-origin': origin,
    vary: 'Origin',
    'access-control-expose-headers': 'X-Request-Id, Retry-After, WWW-Authenticate',
  };
}
