import { z } from 'zod';
import { grammars } from '../../../core/options/grammar.ts';

/** The proxy that calls go through. */
export interface Proxy {
  /** For example `http://proxy.example:3128`, for messages: without credentials. */
  readonly origin: string;
  /** The value of `Proxy-Authorization`; undefined without credentials. */
  readonly authorization: string | undefined;
}

/** Switches a proxy of the environment off. */
export const noProxy = 'none';

const expected = 'expected http:// or https://, host and port of a proxy, such as http://proxy.example:3128, or none';

/** Options have no default in the schema if the key is left out: then the environment decides. */
export const proxyOption = z
  .string(expected)
  .refine((text) => text === noProxy || parseProxy(text) !== undefined, expected)
  .register(grammars, { grammar: 'text' });

/** Undefined if the text is not the address of a proxy. */
export function parseProxy(text: string): Proxy | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') return undefined;
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') return undefined;
  const { protocol, host } = url;
  const origin = `${protocol}//${host}`;
  if (url.username === '' && url.password === '') return { origin, authorization: undefined };
  const username = decoded(url.username);
  const password = decoded(url.password);
  const credentials = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
  return { origin, authorization: `Basic ${credentials}` };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The way in which calls to an origin go through a proxy: as requests for an absolute address, or through a tunnel. */
export interface Forwarding {
  /** Stands before the path. */
  readonly prefix: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

/**
 * How requests over plain HTTP/1.1 are sent to a proxy: with the absolute address (RFC 9112, 3.2.2), because many proxies
 * permit tunnels to port 443 alone. Undefined without a proxy, and if a tunnel is used: for TLS and for HTTP/2.
 */
export function forwardingOf(origin: string, http2: boolean, proxy: Proxy | undefined): Forwarding | undefined {
  if (proxy === undefined || http2 || origin.startsWith('https:')) return undefined;
  const { authorization } = proxy;
  return { prefix: origin, headers: authorization === undefined ? [] : ['proxy-authorization', authorization] };
}

const wrongCredentials = ': it wants other credentials, in the user and the password of the address of the proxy';

const meanings = new Map([
  [401, wrongCredentials],
  [403, ': it does not permit this address'],
  [404, ': it does not find this address'],
  [405, ': it does not permit tunnels'],
  [407, wrongCredentials],
  [502, ': it does not reach this address'],
  [503, ': it does not reach this address'],
  [504, ': the other system does not answer it'],
]);

/** What the refusal of a proxy means. Its own words are not shown: they may repeat the request. */
export function proxyRefusal(proxy: string, status: number): string {
  return `the proxy ${proxy} refused: ${status}${meanings.get(status) ?? ''}`;
}
