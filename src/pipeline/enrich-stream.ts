import { RequestError } from '../core/errors.ts';
import { guardedClock, guardWith } from '../core/guard.ts';
import type { BackpressureReason, PipelineObserver, StreamGauges } from '../core/observer.ts';
import type { Clock } from '../core/time.ts';
import type { AsyncWait } from '../operator/async-wait.ts';
import { BackpressureMeter } from '../operator/backpressure-meter.ts';
import type { BadLine } from '../wire/bad-line.ts';
import type { Framing } from '../wire/framing.ts';
import { LineSplitter, type LineSplitterOptions } from '../wire/line-splitter.ts';
import { BarrierLine } from './barrier-line.ts';
import type { ControlInput } from './control-input.ts';
import { type ControlSide, controlSide, type ControlSideOptions } from './control-side.ts';
import { type Entry, entryOf } from './invoke-records.ts';
import { JoinedOutput } from './joined-output.ts';
import type { Outcome } from './outcome.ts';
import { recordOperator, type RecordOperatorOptions } from './record-operator.ts';
import { type StreamSummary, Tally } from './tally.ts';
import { mayStart } from './turn-share.ts';

export interface EnrichStreamOptions extends RecordOperatorOptions, LineSplitterOptions, ControlSideOptions {
  readonly framing: Framing;
}

/** Where a stream's output goes. Nothing is called after `end`, `fail` or `abort`. */
export interface StreamSink {
  /** Takes text to be sent now; false when it has no room and will call `drained()`. */
  write(text: string): boolean;
  /** More of the body may be pushed: `push` had said false. */
  resume(): void;
  end(summary: StreamSummary): void;
  fail(error: RequestError): void;
  /** A defect: something was thrown at an event that is not one of the calls of this stream. */
  defect(error: unknown): void;
}

/**
 * A body on its way through the operator: chunks in by `push`, framed text out by the sink.
 *
 *   push ─ splitter ─ line ─ offer ─▶ operator ─ outcome ─▶ joined text ─ write
 *             ▲                │no slot                          │no room
 *             └── held line ◀──┘                                 └▶ emission stops, slots stay taken, push says false
 */
export class EnrichStream {
  readonly #splitter: LineSplitter;
  readonly #operator: AsyncWait<Entry, Outcome>;
  readonly #tally: Tally;
  readonly #output: JoinedOutput;
  readonly #sink: StreamSink;
  readonly #offset: number;
  readonly #control: ControlSide | undefined;
  readonly #observer: PipelineObserver;
  readonly #backpressure: BackpressureMeter;
  readonly #capacity: number;
  /** The line that found no slot. */
  #held: Entry | BarrierLine | undefined;
  #bodyComplete = false;
  #ended = false;

  constructor(options: EnrichStreamOptions, sink: StreamSink, observer: PipelineObserver, clock: Clock) {
    this.#sink = sink;
    this.#observer = observer;
    this.#capacity = options.capacity;
    this.#tally = new Tally(observer);
    this.#splitter = new LineSplitter(options);
    const guard = guardWith((error) => sink.defect(error));
    const output = { write: (text: string) => sink.write(text), fatal: (error: RequestError) => this.#fail(error) };
    this.#output = new JoinedOutput(options.framing, this.#tally, output, guard);
    this.#offset = options.offset;
    this.#control = controlSide(options, this.#output, guardedClock(clock, guard));
    this.#backpressure = new BackpressureMeter((reason, ms) => observer.backpressure(reason, ms), clock);
    const ends = {
      downstream: this.#control?.output ?? this.#output,
      leaving: this.#control?.leaving,
      onRoom: () => this.#pumpOn(),
      onEnd: () => this.#finished(),
      backpressure: this.#backpressure,
      mayAdmit: mayStart,
      guard,
    };
    this.#operator = recordOperator(options, ends, observer, clock);
  }

  /** Takes one chunk of the body. False: stop reading until the sink's `resume`. */
  push(chunk: Uint8Array): boolean {
    if (this.#ended) return false;
    this.#observer.received(chunk.byteLength);
    this.#splitter.push(chunk);
    return this.#pump();
  }

  /** The body is complete; the sink's `end` follows when every record is out. */
  finish(): void {
    if (this.#ended) return;
    this.#bodyComplete = true;
    this.#splitter.end();
    // A line that found no slot is still held; the pump goes on by itself when there is one.
    if (this.#held === undefined) this.#pump();
  }

  /** The reader has room again. */
  drained(): void {
    if (this.#output.ready || this.#ended) return;
    this.#output.open();
    this.#operator.drain();
  }

  /** The reader is gone: every call is aborted, nothing more is written. */
  abort(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#control?.output.close();
    this.#output.close();
    this.#operator.abort(reason);
    this.#tally.end();
  }

  /** Aborts a stream that its client still reads: the last control lines say how far it came and why it ends. */
  cut(error: RequestError): void {
    if (this.#ended) return;
    this.#control?.output.fatal(error);
    this.#output.write();
    this.abort(error);
  }

  /** Says, where control lines are spoken, how far the stream has come. */
  checkpoint(): void {
    if (!this.#ended) this.#control?.output.checkpoint();
  }

  get summary(): StreamSummary {
    return this.#tally.snapshot();
  }

  /** No record is under way. */
  get idle(): boolean {
    return this.#operator.size === 0;
  }

  get gauges(): StreamGauges & { readonly highestInFlight: number } {
    const { inFlight, retryWaiting, completedWaiting, highestInFlight } = this.#operator;
    const stopped = this.#backpressure.current;
    return { capacity: this.#capacity, inFlight, retryWaiting, completedWaiting, stopped, highestInFlight };
  }

  /** Why the body is not read at this moment. */
  get backpressure(): BackpressureReason | 'none' {
    return this.#backpressure.reason ?? 'none';
  }

  /** Offers lines until there is no slot (false) or no whole line left (true: more of the body is wanted). */
  #pump(): boolean {
    for (;;) {
      // The last record may have ended the stream.
      if (this.#ended) return false;
      const entry = this.#held ?? this.#nextEntry();
      if (entry === undefined) {
        // A body ends long before its last records: cut short, their retries would never be made.
        if (this.#bodyComplete) this.#operator.end(false);
        return true;
      }
      if (!(entry instanceof BarrierLine ? this.#operator.offerBarrier(entry) : this.#operator.offer(entry))) {
        this.#held = entry;
        return false;
      }
      this.#held = undefined;
    }
  }

  #pumpOn(): void {
    if (this.#ended || this.#held === undefined) return;
    if (this.#pump() && !this.#bodyComplete) this.#sink.resume();
  }

  #nextEntry(): Entry | BarrierLine | undefined {
    const line = this.#splitter.next();
    if (line === undefined) return undefined;
    if (this.#control !== undefined) return this.#controlled(this.#control.input, line);
    this.#tally.in();
    const { seq, ascii, lineStart } = this.#splitter;
    return entryOf(this.#offset + seq, line, ascii, lineStart);
  }

  #controlled(control: ControlInput, line: string | BadLine): Entry | BarrierLine | undefined {
    const input = control.read(line, this.#splitter.seq);
    if (input === undefined) return this.#nextEntry();
    if (input instanceof RequestError) {
      this.#fail(input);
      return undefined;
    }
    if (!(input instanceof BarrierLine)) this.#tally.in();
    return input;
  }

  #finished(): void {
    if (this.#ended) return;
    this.#control?.output.complete(this.summary);
    this.#output.write();
    this.#ended = true;
    this.#sink.end(this.summary);
  }

  #fail(error: RequestError): void {
    if (this.#ended) return;
    this.cut(error);
    this.#sink.fail(error);
  }
}
