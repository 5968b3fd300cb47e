import { hash, timingSafeEqual } from 'node:crypto';
import type { ServerConfig } from '../../config/schema/schema.ts';

/** Who sent a request, as far as its token says. */
export class Caller {
  /** The name of its token in the configuration. */
  readonly name: string | undefined;

  constructor(name: string | undefined) {
    this.name = name;
  }

  /** Whether a pipeline with this `allow.tokens` takes its requests. */
  mayUse(tokens: readonly string[] | undefined): boolean {
    return tokens === undefined || (this.name !== undefined && tokens.includes(this.name));
  }
}

/** The caller of a listener without `auth`. */
export const anyone = new Caller(undefined);

/** RFC 6750, section 2.1. The name of the scheme may be in any case (RFC 9110, section 11.1). */
const credentials = /^Bearer +([A-Za-z\d\-._~+/]+=*) *$/i;

interface KnownToken {
  readonly digest: Buffer;
  readonly caller: Caller;
}

/**
 * The tokens of a listener. A sent token is compared with every one of them, and by its digest: the time that this takes
 * says neither how many characters are right nor which token is nearly right.
 */
export class BearerTokens {
  readonly #known: readonly KnownToken[];

  constructor({ bearerTokens }: NonNullable<ServerConfig['auth']>) {
    this.#known = bearerTokens.map((entry) => {
      const { name, token } = typeof entry === 'string' ? { name: undefined, token: entry } : entry;
      return { digest: digestOf(token), caller: new Caller(name) };
    });
  }

  /** The caller with this field `Authorization`; undefined if it has no token of the list. */
  find(authorization: string | undefined): Caller | undefined {
    const [, sent] = credentials.exec(authorization ?? '') ?? [];
    if (sent === undefined) return undefined;
    const digest = digestOf(sent);
    let found: Caller | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known.caller;
    return found;
  }
}

function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
