import type { RequestError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json/json.ts';
import type { StreamOutcome } from '../../core/observer/observer.ts';
import type { Clock } from '../../core/time/time.ts';
import type { TokenUse } from '../access/token-use.ts';

/** The kinds of requests that hold memory. Their sum is bounded by `limits.streams`. */
const requestKinds = ['stream', 'record', 'explain'] as const;
export type RequestKind = (typeof requestKinds)[number];

/** A request of one of these kinds that is being answered. */
export interface LiveStream {
  readonly kind: RequestKind;
  /** What its token uses; undefined without limits of the token. */
  readonly use: TokenUse | undefined;
  describe(nowMs: number): JsonObject;
  /** Called every `checkMs`, to notice timeouts. */
  checkTimeouts(nowMs: number): void;
  /** Called when the service begins to drain: the stream may continue for `drainTimeout`. */
  draining(): void;
  /** Ends the response so that the client sees that it is incomplete. */
  cut(outcome: StreamOutcome, reason: RequestError): void;
  /** One of the calls above threw: ends this stream, and never throws. */
  defect(error: unknown): void;
}

/** All streams of one listener. One coarse timer checks them; it runs only while there are streams. */
export class LiveStreams {
  /** With its number. */
  readonly #streams = new Map<LiveStream, number>();
  #added = 0;
  readonly #clock: Clock;
  #checkMs: number;
  readonly #onCheck: () => void;
  #disarm: (() => void) | undefined;
  #whenEmpty: (() => void)[] = [];

  /** `checkMs` is how late a timeout may be noticed. `onCheck` is called as often, while there are streams. */
  constructor(clock: Clock, checkMs: number, onCheck: () => void) {
    this.#clock = clock;
    this.#checkMs = checkMs;
    this.#onCheck = onCheck;
  }

  /** How late a timeout may be noticed. A new value applies after the next check. */
  set checkMs(ms: number) {
    this.#checkMs = ms;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** The number of requests of each kind. */
  counts(): Record<RequestKind, number> {
    const counts = { stream: 0, record: 0, explain: 0 };
    for (const { kind } of this.#streams.keys()) counts[kind] += 1;
    return counts;
  }

  add(stream: LiveStream): void {
    this.#added += 1;
    this.#streams.set(stream, this.#added);
    stream.use?.opened();
    if (this.#disarm === undefined) this.#arm();
  }

  delete(stream: LiveStream): void {
    if (!this.#streams.delete(stream)) return;
    stream.use?.closed();
    if (this.#streams.size > 0) return;
    this.#disarm?.();
    this.#disarm = undefined;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  describe(): JsonObject[] {
    const now = this.#clock.now();
    return Array.from(this.#streams, ([stream, number]) => ({ number, ...stream.describe(now) }));
  }

  announceDrain(): void {
    this.#each((stream) => stream.draining());
  }

  cutAll(outcome: StreamOutcome, reason: RequestError): void {
    this.#each((stream) => stream.cut(outcome, reason));
  }

  /** Resolves when no stream is left, at once if there is none. */
  empty(): Promise<void> {
    if (this.#streams.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  #arm(): void {
    this.#disarm = this.#clock.setTimer(this.#checkMs, () => {
      this.#arm();
      const now = this.#clock.now();
      this.#each((stream) => stream.checkTimeouts(now));
      this.#onCheck();
    });
  }

  /** If the call throws for a stream, that stream ends; the call is still made for all others. */
  #each(call: (stream: LiveStream) => void): void {
    for (const stream of this.#streams.keys()) {
      try {
        call(stream);
      } catch (error) {
        stream.defect(error);
      }
    }
  }
}
