import { hash, timingSafeEqual } from 'node:crypto';
import type { ServerConfig } from '../../config/schema/schema.ts';
import type { Clock } from '../../core/time/time.ts';
import { TokenUse } from './token-use.ts';

/** Who sent a request, as far as its token says. */
export class Caller {
  /** The name of its token in the configuration. */
  readonly name: string | undefined;
  /** What all requests of the token use; undefined if it has no limits. */
  readonly use: TokenUse | undefined;

  constructor(name: string | undefined, use?: TokenUse) {
    this.name = name;
    this.use = use;
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

const noMembers = { name: undefined, limits: undefined };

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

  /** `before` are those that were in force: a token that has the same name, or is the same, goes on with what it uses. */
  constructor({ bearerTokens }: NonNullable<ServerConfig['auth']>, before: BearerTokens | undefined, clock: Clock) {
    this.#known = bearerTokens.map((entry) => {
      const { name, token, limits } = typeof entry === 'string' ? { ...noMembers, token: entry } : entry;
      const digest = digestOf(token);
      if (limits === undefined) return { digest, caller: new Caller(name) };
      const use = before?.useOf(name, digest) ?? new TokenUse(name, clock);
      use.limit(limits);
      return { digest, caller: new Caller(name, use) };
    });
  }

  /** What a token uses: the one with this name or, without a name, the one with this digest. */
  useOf(name: string | undefined, digest: Buffer): TokenUse | undefined {
    const same = ({ digest: known, caller }: KnownToken): boolean =>
      name === undefined ? caller.name === undefined && known.equals(digest) : caller.name === name;
    return this.#known.find(same)?.caller.use;
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
