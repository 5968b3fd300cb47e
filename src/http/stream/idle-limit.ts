import { RequestError } from '../../core/errors.ts';

/**
 * Applies `limits.idleTimeout` to one request: how long its client may send nothing, and how long the request may keep
 * the grant of the memory budget without a complete line while other requests wait.
 */
export class IdleLimit {
  readonly #timeoutMs: number;
  /** When something was last received, sent or in flight. */
  #lastActivityMs: number;
  /** Since when the request has had the grant. */
  #grantSince: number | undefined;

  /** `timeoutMs` is more than 0. */
  constructor(timeoutMs: number, nowMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#lastActivityMs = nowMs;
  }

  noteActivity(nowMs: number): void {
    this.#lastActivityMs = nowMs;
  }

  /** The error of a request whose client has sent nothing for too long. */
  idle(nowMs: number): RequestError | undefined {
    if (nowMs - this.#lastActivityMs < this.#timeoutMs) return undefined;
    return new RequestError('idle', `nothing was sent for ${this.#timeoutMs} ms (limits.idleTimeout)`);
  }

  /** The error of a request that has had the grant for too long. Called with each check, also without the grant. */
  grant(nowMs: number, hasGrant: boolean): RequestError | undefined {
    if (!hasGrant) {
      this.#grantSince = undefined;
      return undefined;
    }
    this.#grantSince ??= nowMs;
    if (nowMs - this.#grantSince < this.#timeoutMs) return undefined;
    const why = `memory is short, and a line was not complete within ${this.#timeoutMs} ms (limits.idleTimeout)`;
    return new RequestError('idle', why);
  }
}
