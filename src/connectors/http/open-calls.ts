import { parsePointer } from '../../core/json/json-pointer.ts';
import { systemClock } from '../../core/time/time.ts';
import { Pause } from '../../lookup/rate-limit/pause.ts';
import type { ConnectorRuntime } from '../connector.ts';
import type { HttpClient } from './client/http-client.ts';
import type { HttpCalls } from './http-call.ts';
import type { HttpOptions } from './http-options.ts';
import type { HttpRequest } from './http-request.ts';
import type { AccessTokens } from './oauth2/access-tokens.ts';
import type { OAuth2Options } from './oauth2/oauth2-options.ts';
import { AddressRules } from './socket/address-rules.ts';
import { parseProxy } from './socket/proxy.ts';
import type { SocketOptions } from './socket/http-socket.ts';

/** The calls of an open lookup, with all that belongs to them. */
export interface OpenCalls extends HttpCalls {
  /** How a connection to the lookup is opened. */
  readonly sockets: SocketOptions;
  /** Fails the calls that run, and closes every connection. */
  close(): Promise<void>;
}

/** Loads the client and undici. `pause` holds the calls back after an answer of 429. */
export async function openCalls(
  options: HttpOptions,
  { url }: HttpRequest,
  runtime: ConnectorRuntime,
  pause: Pause,
): Promise<OpenCalls> {
  const { lookup, clock, observer } = runtime;
  const [{ HttpPool }, { readTls }] = await Promise.all([import('./http-pool.ts'), import('./socket/tls-files.ts')]);
  const { method, connections, pipelining, http2, auth } = options;
  const route = { addresses: new AddressRules(options), proxy: parseProxy(options.proxy) };
  const sockets = { origin: url.origin, http2, tls: await readTls(options.tls, runtime), route };
  const { client } = options;
  const createClient = await clientsOf({ sockets, method, pipelining, client, caching: runtime.readsFreshness });
  const pool = new HttpPool({ connections, pipelining, createClient });
  const token =
    auth !== null && 'oauth2' in auth ? await openTokens(auth.oauth2, { runtime, sockets, client }) : undefined;
  return {
    pool,
    pause,
    sockets,
    tokens: token?.tokens,
    rules: {
      lookup,
      origin: url.origin,
      proxy: route.proxy?.origin,
      tls: url.origin.startsWith('https:'),
      missStatus: new Set(options.missStatus),
      select: options.select,
      selectTokens: parsePointer(options.select),
      maxResponseBytes: options.maxResponseBytes,
    },
    clock,
    observer,
    deadlineHeader: options.deadlineHeader?.toLowerCase(),
    idempotent: mayBeSentTwice.has(method),
    async close() {
      await Promise.all([pool.close(), token?.close()]);
    },
  };
}

const mayBeSentTwice: ReadonlySet<string> = new Set(['GET', 'PUT', 'DELETE', 'QUERY']);

interface ClientsOptions extends Pick<HttpOptions, 'client' | 'pipelining'> {
  readonly sockets: SocketOptions;
  readonly method: string;
  readonly caching: boolean;
}

async function clientsOf({
  sockets,
  client,
  ...options
}: ClientsOptions): Promise<(resize: (slots: number) => void) => HttpClient> {
  // Sockets and their idle time are real, whatever clock the calls have.
  const shared = { ...sockets, ...options, clock: systemClock };
  const lean = client === 'lean' && !sockets.http2 && options.pipelining === 1;
  const clients = lean
    ? new (await import('./client/lean-client.ts')).LeanClients(shared)
    : new (await import('./client/undici-client.ts')).UndiciClients(shared);
  return (resize) => clients.create(resize);
}

interface TokensRuntime {
  readonly runtime: ConnectorRuntime;
  /** Those of the lookup. */
  readonly sockets: SocketOptions;
  readonly client: HttpOptions['client'];
}

/** The requests for tokens have one connection of their own, with the TLS files and the addresses of the lookup. */
async function openTokens(
  options: OAuth2Options,
  { runtime: { lookup, clock, secrets }, sockets, client }: TokensRuntime,
): Promise<{ readonly tokens: AccessTokens; readonly close: () => Promise<void> }> {
  const [{ HttpPool }, { AccessTokens: Tokens }, { tokenPlace, tokenRequest }, { largestTokenAnswerBytes }] =
    await Promise.all([
      import('./http-pool.ts'),
      import('./oauth2/access-tokens.ts'),
      import('./oauth2/token-endpoint.ts'),
      import('./oauth2/token-answer.ts'),
    ]);
  const { origin } = tokenPlace(options.tokenUrl);
  const route = options.proxy === null ? sockets.route : { ...sockets.route, proxy: parseProxy(options.proxy) };
  const createClient = await clientsOf({
    sockets: { ...sockets, origin, http2: false, route },
    method: 'POST',
    pipelining: 1,
    client,
    caching: false,
  });
  const pool = new HttpPool({ connections: 1, pipelining: 1, createClient });
  const rules = {
    lookup,
    origin,
    proxy: route.proxy?.origin,
    tls: origin.startsWith('https:'),
    missStatus: new Set<number>(),
    select: '',
    selectTokens: [],
    maxResponseBytes: largestTokenAnswerBytes,
  };
  const request = tokenRequest(options, {
    pool,
    pause: new Pause(clock, 0),
    rules,
    clock,
    // The calls of a lookup are those to the lookup itself.
    observer: { called() {} },
    tokens: undefined,
    deadlineHeader: undefined,
    // A second token does no harm.
    idempotent: true,
  });
  const tokens = new Tokens({ clock, request, hide: (token) => secrets.learnToken(token) });
  return {
    tokens,
    async close() {
      tokens.close();
      await pool.close();
    },
  };
}
