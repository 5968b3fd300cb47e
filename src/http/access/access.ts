import { TLSSocket } from 'node:tls';
import { authorizationProblem } from '../connection/request-head.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServerConfig } from '../../config/schema/schema.ts';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import { canonicalHost, isLoopback } from '../../core/options/host-name.ts';
import { namedHost, socketOf } from '../http2/http2-request.ts';
import { AllowedHosts, authorityOf } from './allowed-hosts.ts';
import { anyone, BearerTokens, type Caller } from './bearer-tokens.ts';
import { allowedFields, isPreflight, type PageRules, preflightFields, visitorOf } from './web-pages.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent the request. Set for every request that was not refused; not on /livez and /readyz. */
    caller: Caller;
    /** Fields of the answer that let the web page read it; none if no page of another origin sent the request. */
    corsFields: Readonly<Record<string, string>>;
  }
}

const noFields: Readonly<Record<string, string>> = {};

export interface AccessOptions {
  readonly listener: 'public' | 'admin';
  /** The configuration in force. */
  readonly config: () => ServerConfig;
  /** `allow.tokens` of a pipeline; undefined if every token may use it, or if there is no such pipeline. */
  readonly allowedTokens?: (pipeline: string) => readonly string[] | undefined;
  readonly clock: Clock;
}

/** The rules of one configuration. */
interface Rules {
  readonly config: ServerConfig;
  readonly hosts: AllowedHosts;
  /** Undefined if no request needs a token. */
  readonly tokens: BearerTokens | undefined;
  readonly pages: PageRules;
}

/**
 * Decides for each request of a listener whether it may come in, from its head alone: before its body is read, and
 * before anything is kept for it.
 *
 *     Host ── 421 misdirected
 *     Origin, Sec-Fetch-Site ── 403 forbidden_origin
 *     Authorization ── 400 if there are two ── 401 unauthorized ── the pipeline allows the token ── 403 forbidden
 */
export class Access {
  readonly #server: FastifyInstance['server'];
  readonly #options: AccessOptions;
  #rules: Rules | undefined;

  constructor(app: FastifyInstance, options: AccessOptions) {
    this.#server = app.server;
    this.#options = options;
    app.decorateRequest('caller');
    app.decorateRequest('corsFields');
  }

  /** Why the request is refused; undefined if it is not. Adds the fields of the refusal to the reply. */
  refusal(request: FastifyRequest, reply: FastifyReply): RequestError | undefined {
    return (
      this.#misdirected(request) ??
      this.#forbiddenOrigin(request, reply) ??
      authorizationProblem(request.raw) ??
      this.#denied(request, reply)
    );
  }

  /** Answers the preflight of a page that is allowed, and says whether it did. */
  answersPreflight({ raw, corsFields }: FastifyRequest, reply: FastifyReply): boolean {
    if (corsFields === noFields || !isPreflight(raw.method, raw.headers)) return false;
    void reply.code(204).headers(preflightFields(raw.headers)).send();
    return true;
  }

  /** The rules of the configuration in force. The request that comes first after a reload makes them. */
  get #current(): Rules {
    const { config } = this.#options;
    const inForce = config();
    if (this.#rules?.config !== inForce) this.#rules = this.#rulesOf(inForce);
    return this.#rules;
  }

  #rulesOf(config: ServerConfig): Rules {
    const admin = this.#options.listener === 'admin';
    const hosts = new AllowedHosts({
      list: config.allowedHosts,
      loopback: this.#isLoopback(),
      // `millrace top` and a scraper on the same machine name the address of the admin listener.
      alwaysLoopback: admin,
    });
    const { auth, cors } = admin ? config.admin : config;
    const tokens = auth === undefined ? undefined : new BearerTokens(auth, this.#rules?.tokens, this.#options.clock);
    return { config, hosts, tokens, pages: { origins: new Set(cors.origins), provesHost: admin } };
  }

  #isLoopback(): boolean {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') return false;
    const host = canonicalHost(address.family === 'IPv6' ? `[${address.address}]` : address.address);
    return host !== undefined && isLoopback(host);
  }

  #misdirected({ raw }: FastifyRequest): RequestError | undefined {
    const authority = authorityOf(raw.url ?? '', namedHost(raw));
    if (authority === undefined || this.#current.hosts.allows(authority)) return undefined;
    const shown = JSON.stringify(authority.length > 100 ? `${authority.slice(0, 100)}…` : authority);
    const listed =
      this.#current.config.allowedHosts === undefined
        ? 'this address serves only localhost and loopback addresses; list the host in server.allowedHosts'
        : 'it is not in server.allowedHosts';
    return new RequestError('misdirected', `the request names the host ${shown}: ${listed}`);
  }

  #forbiddenOrigin(request: FastifyRequest, reply: FastifyReply): RequestError | undefined {
    const { headers, url = '' } = request.raw;
    const { hosts, pages } = this.#current;
    const authority = authorityOf(url, namedHost(request.raw));
    const arrival = { authority, hostChecked: hosts.checked, encrypted: socketOf(request.raw) instanceof TLSSocket };
    const visitor = visitorOf(headers, arrival, pages);
    request.corsFields =
      visitor === 'allowed' && headers.origin !== undefined ? allowedFields(headers.origin) : noFields;
    reply.headers(request.corsFields);
    if (pages.origins.size > 0) reply.header('vary', 'Origin');
    if (visitor !== 'foreign') return undefined;
    const key = this.#options.listener === 'admin' ? 'server.admin.cors.origins' : 'server.cors.origins';
    const page = headers.origin === undefined ? 'another origin' : `the origin ${JSON.stringify(headers.origin)}`;
    return new RequestError(
      'forbidden_origin',
      `the request comes from a web page of ${page.slice(0, 200)}, which ${key} does not list; a person may type the address`,
    );
  }

  /** A preflight has no token: the browser asks before it sends one. */
  #denied(request: FastifyRequest, reply: FastifyReply): RequestError | undefined {
    if (request.corsFields !== noFields && isPreflight(request.method, request.headers)) return undefined;
    return this.#unauthorized(request, reply) ?? this.#forbidden(request, reply);
  }

  #unauthorized(request: FastifyRequest, reply: FastifyReply): RequestError | undefined {
    const { tokens } = this.#current;
    const { authorization } = request.headers;
    const caller = tokens === undefined ? anyone : tokens.find(authorization);
    if (caller !== undefined) {
      request.caller = caller;
      return undefined;
    }
    // RFC 6750, section 3.1: a request without credentials gets no error code.
    const sent = authorization !== undefined && /^bearer\b/i.test(authorization);
    reply.header('www-authenticate', sent ? 'Bearer error="invalid_token"' : 'Bearer');
    return new RequestError(
      'unauthorized',
      sent
        ? 'the token of the request is not one of this listener; send one that is in force'
        : 'the request has no token; send one as Authorization: Bearer TOKEN',
    );
  }

  #forbidden({ params, caller }: FastifyRequest, reply: FastifyReply): RequestError | undefined {
    const { pipeline }: { pipeline?: string } = params ?? {};
    if (pipeline === undefined || caller.mayUse(this.#options.allowedTokens?.(pipeline))) return undefined;
    reply.header('www-authenticate', 'Bearer error="insufficient_scope"');
    return new RequestError('forbidden', `the token of the request may not use pipeline ${JSON.stringify(pipeline)}`);
  }
}
