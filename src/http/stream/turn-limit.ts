import { RequestError } from '../../core/errors.ts';

/** Bounds how long a request may have the turn of the memory budget without having read a line, while others wait. */
export class TurnLimit {
  #since: number | undefined;

  /** Called now and then: the error that ends a request which has had the turn for `timeoutMs`. */
  check(nowMs: number, hasTurn: boolean, timeoutMs: number): RequestError | undefined {
    if (!hasTurn) {
      this.#since = undefined;
      return undefined;
    }
    this.#since ??= nowMs;
    if (timeoutMs === 0 || nowMs - this.#since < timeoutMs) return undefined;
    const why = `memory is short, and a line was not complete within ${timeoutMs} ms (limits.idleTimeout)`;
    return new RequestError('idle', why);
  }
}
