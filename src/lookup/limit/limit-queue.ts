/** A waiting call. It is its own link in the list, so that it is removed from its line in O(1). */
export interface QueuedCall<Call extends QueuedCall<Call>> {
  /** The line that it is in; undefined if it does not wait. */
  line: WaitingLine<Call> | undefined;
  earlier: Call | undefined;
  later: Call | undefined;
}

/** A stream, as the queue sees it. */
export interface WeightedStream {
  /** Turns in a round: a whole number, at least 1. */
  readonly weight: number;
}

/** The waiting calls of one stream, the oldest first, and the position of the stream in the round. */
class WaitingLine<Call extends QueuedCall<Call>> {
  readonly stream: WeightedStream;
  /** Turns that are left in this round. */
  turns: number;
  first: Call | undefined = undefined;
  last: Call | undefined = undefined;
  before: WaitingLine<Call> = this;
  after: WaitingLine<Call> = this;

  constructor(stream: WeightedStream) {
    this.stream = stream;
    this.turns = stream.weight;
  }
}

export type { WaitingLine };

/**
 * Calls that wait at a limit. The streams take turns: each stream with a waiting call has one line, and
 * `take` returns the oldest call of the next line. A stream with 10,000 waiting calls gets as many turns as one with
 * ten. A stream of weight 3 has three turns in each round, one after the other.
 *
 *     round   ┌─▶ line A ─▶ line B ─▶ line C ─┐       next: B, with 2 of its 3 turns left
 *             └───────────────────────────────┘
 *     line B      first: b1 ⇄ b2 ⇄ b3 :last
 *
 * Every operation is O(1). A stream without a waiting call is not kept, and turns that it did not use are lost.
 */
export class LimitQueue<Call extends QueuedCall<Call>> {
  readonly #lines = new Map<WeightedStream, WaitingLine<Call>>();
  #next: WaitingLine<Call> | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Streams with a waiting call. */
  get streams(): number {
    return this.#lines.size;
  }

  /** A stream that had no waiting call gets its first turn after all other waiting streams. */
  add(stream: WeightedStream, call: Call): void {
    let line = this.#lines.get(stream);
    if (line === undefined) {
      line = new WaitingLine<Call>(stream);
      this.#lines.set(stream, line);
      this.#joinRound(line);
    }
    call.line = line;
    call.earlier = line.last;
    if (line.last === undefined) line.first = call;
    else line.last.later = call;
    line.last = call;
    this.#size++;
  }

  /** Takes the oldest call of the stream whose turn it is; undefined if no call waits. */
  take(): Call | undefined {
    const line = this.#next;
    const call = line?.first;
    if (line === undefined || call === undefined) return undefined;
    line.turns--;
    if (line.turns < 1) {
      line.turns = line.stream.weight;
      this.#next = line.after;
    }
    this.remove(call);
    return call;
  }

  /** Does nothing to a call that does not wait. */
  remove(call: Call): void {
    const { line, earlier, later } = call;
    if (line === undefined) return;
    if (earlier === undefined) line.first = later;
    else earlier.later = later;
    if (later === undefined) line.last = earlier;
    else later.earlier = earlier;
    call.line = undefined;
    call.earlier = undefined;
    call.later = undefined;
    this.#size--;
    if (line.first === undefined) this.#leaveRound(line);
  }

  #joinRound(line: WaitingLine<Call>): void {
    const next = this.#next;
    if (next === undefined) {
      this.#next = line;
      return;
    }
    line.after = next;
    line.before = next.before;
    next.before.after = line;
    next.before = line;
  }

  #leaveRound(line: WaitingLine<Call>): void {
    this.#lines.delete(line.stream);
    if (line.after === line) {
      this.#next = undefined;
      return;
    }
    if (this.#next === line) this.#next = line.after;
    line.before.after = line.after;
    line.after.before = line.before;
  }
}
