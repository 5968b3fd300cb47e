import { RecordRate } from '../../core/call/record-rate.ts';
import { RequestError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';

/** `limits` of a token in the configuration. */
export interface TokenLimits {
  readonly streams?: number;
  readonly recordsPerSecond?: number;
}

/** A stream whose first record would wait longer is refused: the client can wait as well, and holds nothing here. */
const LONGEST_BACKLOG_MS = 1000;

/** What the requests of one token use now, and what they may use. It outlives a reload, as its streams do. */
export class TokenUse {
  /** Streams, single records and explanations that are open. */
  #open = 0;
  #limits: TokenLimits = {};
  #rate: RecordRate | undefined;
  readonly #shown: string;
  readonly #clock: Clock;

  constructor(name: string | undefined, clock: Clock) {
    this.#shown = name === undefined ? 'the token' : `token ${JSON.stringify(name)}`;
    this.#clock = clock;
  }

  /** Takes over the limits of a configuration. Running streams keep the rate that they began with, if it is removed. */
  limit(limits: TokenLimits): void {
    const { recordsPerSecond } = limits;
    this.#limits = limits;
    if (recordsPerSecond === undefined) this.#rate = undefined;
    else if (this.#rate === undefined) this.#rate = new RecordRate(this.#clock, recordsPerSecond);
    else this.#rate.setPerSecond(recordsPerSecond);
  }

  /** The rate that the streams of the token share; undefined if it has no bound. */
  get rate(): RecordRate | undefined {
    return this.#rate;
  }

  opened(): void {
    this.#open += 1;
  }

  closed(): void {
    this.#open -= 1;
  }

  /** Throws `too_many_streams` if the token has as many open requests as it may have. */
  refuseWhenFull(): void {
    const { streams } = this.#limits;
    if (streams === undefined || this.#open < streams) return;
    throw new RequestError(
      'too_many_streams',
      `${this.#shown} has as many streams open as limits.streams of the token allows: ${streams}`,
      {
        limit: streams,
      },
    );
  }

  /** Throws `too_many_records` if the first record of a new stream would wait too long. */
  refuseFarBehind(): void {
    const backlogMs = this.#rate?.backlogMs ?? 0;
    if (backlogMs > LONGEST_BACKLOG_MS) throw this.#tooManyRecords(backlogMs);
  }

  /** Takes a record that stands alone, which has no stream to slow down. Throws `too_many_records` if it is over the rate. */
  takeRecord(): void {
    if (this.#rate !== undefined && !this.#rate.take()) throw this.#tooManyRecords(this.#rate.backlogMs);
  }

  #tooManyRecords(backlogMs: number): RequestError {
    const limit = this.#limits.recordsPerSecond;
    const why = `${this.#shown} has reached its rate (limits.recordsPerSecond: ${limit})`;
    return new RequestError('too_many_records', why, { limit }, Math.max(1, Math.ceil(backlogMs / 1000)));
  }
}
