import type { Server } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { ServerConfig } from '../../config/schema/schema.ts';
import { RequestError } from '../../core/errors.ts';
import type { Refusals } from '../../core/observer/refusals.ts';
import { canonicalHost, isLoopback } from '../../core/options/host-name.ts';
import { AllowedHosts, authorityOf } from './allowed-hosts.ts';

export interface AccessOptions {
  readonly listener: 'public' | 'admin';
  /** Its address decides the default of `allowedHosts`. */
  readonly address: () => ReturnType<Server['address']>;
  /** The configuration in force. */
  readonly config: () => ServerConfig;
  readonly refusals: Refusals;
}

/** The rules of one configuration. */
interface Rules {
  readonly config: ServerConfig;
  readonly hosts: AllowedHosts;
}

/**
 * Decides for each request of a listener whether it may come in, from its head alone: before its body is read, and
 * before anything is kept for it.
 *
 *     Host ── 421 misdirected
 */
export class Access {
  readonly #options: AccessOptions;
  #rules: Rules | undefined;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** Why the request is refused, which is counted; undefined if it is not. */
  refusal(request: FastifyRequest): RequestError | undefined {
    const error = this.#misdirected(request);
    if (error !== undefined) this.#options.refusals.count(error.code);
    return error;
  }

  /** The rules of the configuration in force. The request that comes first after a reload makes them. */
  get #current(): Rules {
    const { config } = this.#options;
    const inForce = config();
    if (this.#rules?.config !== inForce) this.#rules = this.#rulesOf(inForce);
    return this.#rules;
  }

  #rulesOf(config: ServerConfig): Rules {
    const { listener, address } = this.#options;
    const hosts = new AllowedHosts({
      list: config.allowedHosts,
      loopback: isLoopbackAddress(address()),
      // `millrace top` and a scraper on the same machine name the address of the admin listener.
      alwaysLoopback: listener === 'admin',
    });
    return { config, hosts };
  }

  #misdirected({ raw }: FastifyRequest): RequestError | undefined {
    const authority = authorityOf(raw.url ?? '', raw.headers.host);
    if (authority === undefined || this.#current.hosts.allows(authority)) return undefined;
    const shown = JSON.stringify(authority.length > 100 ? `${authority.slice(0, 100)}…` : authority);
    const listed =
      this.#current.config.allowedHosts === undefined
        ? 'this address serves only localhost and loopback addresses; list the host in server.allowedHosts'
        : 'it is not in server.allowedHosts';
    return new RequestError('misdirected', `the request names the host ${shown}: ${listed}`);
  }
}

function isLoopbackAddress(address: ReturnType<Server['address']>): boolean {
  if (address === null || typeof address === 'string') return false;
  const host = canonicalHost(address.family === 'IPv6' ? `[${address.address}]` : address.address);
  return host !== undefined && isLoopback(host);
}
