import { isInRange, parseRange } from '../../connectors/http/socket/ip-address.ts';
import { noProxy } from '../../connectors/http/socket/proxy.ts';
import { plainText } from '../../core/secrets/reference-text.ts';
import type { Path } from '../../core/finding.ts';
import type { Overlaid } from './overlay.ts';
import { isMap, pathKey, valueAt, withValue } from './path.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy and the variable that names it. */
interface Found {
  readonly proxy: string;
  readonly variable: string;
}

/**
 * Writes the proxies of the environment into the lookups that do not choose one themselves (`proxy`). The proxy for an
 * address is that of HTTPS_PROXY or HTTP_PROXY, by its scheme, unless NO_PROXY names its host. As in curl, a variable in
 * lower case goes before the same one in upper case. As in Go, no proxy is used for the loopback address: no other
 * machine can reach it.
 */
export function withProxies(overlaid: Overlaid, env: Environment): Overlaid {
  const origins = new Map(overlaid.origins);
  let { value } = overlaid;
  const put = (path: Path, { proxy, variable }: Found): void => {
    value = withValue(value, path, proxy);
    origins.set(pathKey(path), `environment variable ${variable}`);
  };
  const lookups = valueAt(value, ['lookups']);
  for (const [name, lookup] of isMap(lookups) ? Object.entries(lookups) : []) {
    const path = ['lookups', name, 'http'];
    const http = valueAt(lookup, ['http']);
    // With a proxy of its own, the lookup has it for its tokens as well.
    if (!isMap(http) || http['proxy'] !== undefined) continue;
    const found = proxyFor(http['url'], env);
    if (found !== undefined) put([...path, 'proxy'], found);
    const oauth2 = valueAt(http, ['auth', 'oauth2']);
    if (!isMap(oauth2) || (oauth2['proxy'] ?? null) !== null) continue;
    const ofTokens = proxyFor(oauth2['tokenUrl'], env) ?? (found && { ...found, proxy: noProxy });
    if (ofTokens !== undefined) put([...path, 'auth', 'oauth2', 'proxy'], ofTokens);
  }
  return { ...overlaid, value, origins };
}

function proxyFor(address: unknown, env: Environment): Found | undefined {
  const [, scheme, place] =
    typeof address === 'string' ? (/^(https?):\/\/([^/?#]*)/i.exec(plainText(address)) ?? []) : [];
  const url = URL.parse(`${scheme}://${place}`);
  if (scheme === undefined || url === null || url.hostname === '') return undefined;
  const named = firstOf(env, `${scheme.toLowerCase()}_proxy`);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  if (named === undefined || isLoopback(host)) return undefined;
  if (isExcepted(host, port, firstOf(env, 'no_proxy')?.text ?? '')) return undefined;
  // As in curl, a proxy without a scheme is called over HTTP.
  const proxy = named.text.includes('://') ? named.text : `http://${named.text}`;
  return { proxy, variable: named.name };
}

function firstOf(env: Environment, lowerCase: string): { readonly name: string; readonly text: string } | undefined {
  for (const name of [lowerCase, lowerCase.toUpperCase()]) {
    const text = env[name]?.trim() ?? '';
    if (text !== '') return { name, text };
  }
  return undefined;
}

const loopback = [parseRange('127.0.0.0/8'), parseRange('::1')];

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return loopback.some((range) => range !== undefined && isInRange(range, host));
}

/**
 * Whether a list such as `.internal, 10.0.0.0/8, crm.example:8443` has a host: `*`; the host, or a domain that it is in,
 * with or without a dot before it; an address; a range. With a port an entry holds for that port alone.
 */
function isExcepted(host: string, port: string, list: string): boolean {
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || has(entry, host, port));
}

function has(entry: string, host: string, port: string): boolean {
  const range = parseRange(entry.replace(/^\[(.*)\]$/, '$1'));
  if (range !== undefined) return isInRange(range, host);
  const [, name = entry, ownPort] = /^(.*):(\d+)$/.exec(entry) ?? [];
  if (ownPort !== undefined && ownPort !== port) return false;
  if (ownPort !== undefined && parseRange(name.replace(/^\[(.*)\]$/, '$1')) !== undefined) return has(name, host, port);
  const domain = name
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  const plain = host.replace(/\.$/, '');
  return domain !== '' && (plain === domain || plain.endsWith(`.${domain}`));
}
