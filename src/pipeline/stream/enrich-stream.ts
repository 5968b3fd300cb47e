import type { RequestError } from '../../core/errors.ts';
import { guardedClock, guardWith } from '../../core/guard.ts';
import type { MemoryShare } from '../../core/memory-budget.ts';
import type { BackpressureReason, PipelineObserver, StreamGauges } from '../../core/observer/observer.ts';
import type { AsyncWait } from '../../operator/async-wait.ts';
import { BackpressureMeter } from '../../operator/backpressure-meter.ts';
import { BarrierLine } from '../control/barrier-line.ts';
import { type ControlSide, controlSide } from '../control/control-side.ts';
import { pendingBytes, RecordBytes } from './held-bytes.ts';
import type { Entry } from '../record/entry.ts';
import { type BlockEnricher, blockEnricher } from './block-enricher.ts';
import { EntryReader } from './entry-reader.ts';
import { JoinedOutput } from './joined-output.ts';
import type { Outcome } from '../record/outcome.ts';
import type { Plan } from '../steps/plan.ts';
import { recordOperator } from '../record/record-operator.ts';
import { MemoryWait } from './memory-wait.ts';
import { RateWait } from './rate-wait.ts';
import type { StreamRuntime, StreamSink } from './stream-sink.ts';
import { type StreamSummary, Tally } from './tally.ts';
import { TurnGate } from './turn-gate.ts';

/**
 * A body on its way through the operator: chunks in by `push`, framed text out by the sink.
 *
 *   push ─ reader ─ entry ─ offer ─▶ operator ─ outcome ─▶ joined text ─ write
 *             ▲               │no slot                          │no room
 *             └── pending ◀───┘                                 └▶ emission stops, slots stay taken, push returns false
 *
 * A chunk that arrives while all streams together hold too much waits before the reader, and push returns false.
 */
export class EnrichStream {
  readonly #reader: EntryReader;
  readonly #operator: AsyncWait<Entry, Outcome>;
  readonly #blocks: BlockEnricher | undefined;
  readonly #tally: Tally;
  readonly #output: JoinedOutput;
  readonly #sink: StreamSink;
  readonly #control: ControlSide | undefined;
  readonly #observer: PipelineObserver;
  readonly #backpressure: BackpressureMeter;
  readonly #turnGate: TurnGate;
  readonly #capacity: number;
  readonly #memory: MemoryShare;
  /** Whether lines wait for memory as well, because their answers need some. */
  readonly #linesNeedMemory: boolean;
  readonly #memoryWait: MemoryWait;
  /** The entry that found no slot or no memory. */
  #pendingEntry: Entry | BarrierLine | undefined;
  readonly #rate: RateWait | undefined;
  #bodyComplete = false;
  #bodyFault: RequestError | undefined;
  #operatorEnded = false;
  #ended = false;

  constructor(plan: Plan, sink: StreamSink, { observer, clock, memory, forecast }: StreamRuntime) {
    const { settings } = plan;
    this.#sink = sink;
    this.#observer = observer;
    this.#linesNeedMemory = !plan.immediate;
    this.#capacity = settings.capacity;
    this.#tally = new Tally(observer);
    const guard = guardWith((error) => sink.defect(error));
    this.#memory = memory.open(guard(() => this.#memoryFree()));
    this.#output = new JoinedOutput(
      settings.framing,
      this.#tally,
      {
        write: (output) => {
          const room = sink.write(output);
          this.#memory.output(sink.heldBytes);
          return room;
        },
        fatal: (error) => this.#fail(error),
        addBytes: (bytes) => this.#memory.add(bytes),
        finished: () => this.#recordFinished(),
      },
      guard,
    );
    this.#control = controlSide(settings, this.#output, guardedClock(clock, guard));
    this.#reader = new EntryReader(settings, this.#control?.input, this.#tally, (error) => this.#fail(error));
    this.#backpressure = new BackpressureMeter((reason, ms) => observer.backpressure(reason, ms), clock);
    this.#memoryWait = new MemoryWait(this.#backpressure);
    const rateFree = guard(() => this.#rateFree());
    this.#rate = RateWait.at(settings.rate, this.#backpressure, rateFree);
    this.#turnGate = new TurnGate(guard);
    const hooks = {
      downstream: this.#control?.output ?? this.#output,
      beforeEmit: this.#control?.beforeEmit,
      onRoom: () => this.#offerPending(),
      onEnd: () => this.#endWhenWritten(),
      backpressure: this.#backpressure,
      turnGate: this.#turnGate,
      guard,
    };
    this.#blocks = blockEnricher(plan, this.#reader, this.#output, this.#tally);
    this.#operator = recordOperator(plan, new RecordBytes(this.#memory, forecast), hooks, observer, clock);
  }

  /** Takes one chunk of the body. False: stop reading until the sink's `resume`. */
  push(chunk: Uint8Array): boolean {
    if (this.#ended) return false;
    this.#observer.received(chunk.byteLength);
    if (this.#memory.mayGoOn(this.#reader.endsLine(chunk))) return this.#take(chunk);
    this.#memory.body(this.#reader.heldBytes + chunk.byteLength, false);
    this.#memoryWait.begin(chunk);
    return false;
  }

  /** The body is complete; the sink's `end` follows when every record is out. */
  endBody(): void {
    if (this.#ended) return;
    this.#bodyComplete = true;
    // A chunk or an entry that waits goes on by itself, and the body ends after it.
    if (this.#memoryWait.hasChunk) return;
    this.#reader.end();
    if (this.#pendingEntry === undefined) this.#offerAndCount();
  }

  /** The body cannot be read to its end: its whole lines are answered, and the sink's `fail` follows. */
  failBody(fault: RequestError): void {
    this.#bodyFault = fault;
    this.#reader.giveUp();
    this.endBody();
  }

  /** The reader has room again. */
  readerReady(): void {
    if (this.#ended) return;
    this.#memory.output(this.#sink.heldBytes);
    if (this.#output.room) return;
    this.#output.readerReady();
    this.#operator.downstreamReady();
  }

  /** The reader is gone: aborts every call, and writes nothing more. */
  abort(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#rate?.leave();
    this.#control?.output.close();
    this.#output.close();
    this.#operator.abort(reason);
    this.#tally.end();
    this.#memoryWait.end();
    this.release();
  }

  /** The response is closed: its memory is given back. */
  release(): void {
    this.#memory.close();
  }

  /** Aborts a stream whose client still reads: writes the last checkpoint and `$fatal`, if it has control lines. */
  cut(error: RequestError): void {
    if (this.#ended) return;
    this.#control?.output.fatal(error);
    this.#output.write();
    this.abort(error);
  }

  /** Writes a checkpoint, if the stream has control lines. */
  checkpoint(): void {
    if (!this.#ended) this.#control?.output.checkpoint();
  }

  get summary(): StreamSummary {
    return this.#tally.snapshot();
  }

  /** No record is in the operator and nothing waits for memory: the stream waits for its client. */
  get idle(): boolean {
    return this.#operator.size === 0 && !this.#waits && !this.#output.unfinished;
  }

  /** Whether other streams wait for memory until this stream has admitted a line. */
  get hasMemoryGrant(): boolean {
    return this.#memory.hasGrant && this.idle;
  }

  /** Bytes of memory that are counted for this stream. */
  get heldBytes(): number {
    return this.#memory.heldBytes;
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

  #take(chunk: Uint8Array): boolean {
    this.#reader.push(chunk);
    if (this.#bodyComplete) this.#reader.end();
    return this.#offerAndCount();
  }

  get #waits(): boolean {
    return this.#memoryWait.waits || this.#rate?.waits === true;
  }

  #memoryFree(): void {
    if (this.#ended || !this.#memoryWait.waits) return;
    const chunk = this.#memoryWait.end();
    const wantsMore =
      chunk !== undefined && this.#memory.mayGoOn(this.#reader.endsLine(chunk))
        ? this.#take(chunk)
        : this.#offerAndCount();
    if (wantsMore && !this.#bodyComplete) this.#sink.resume();
  }

  /** The token of the request may have one more record. */
  #rateFree(): void {
    if (this.#ended || this.#memoryWait.waits) return;
    if (this.#offerAndCount() && !this.#bodyComplete) this.#sink.resume();
  }

  #offerAndCount(): boolean {
    const before = this.#reader.lines;
    const wantsMore = this.#offerLines();
    const pending = this.#pendingEntry;
    this.#memory.body(
      this.#reader.heldBytes + pendingBytes(pending),
      pending === undefined && this.#reader.lines > before,
    );
    return wantsMore;
  }

  /** Offers lines until there is no slot or no memory (false) or no whole line left (true: more of the body is wanted). */
  #offerLines(): boolean {
    for (;;) {
      // The previous record may have ended the stream.
      if (this.#ended) return false;
      const entry = this.#pendingEntry ?? this.#nextEntry();
      if (entry === undefined) {
        // The body ends long before its last records: they keep their retries.
        if (this.#bodyComplete) this.#operator.end(false);
        return true;
      }
      if (this.#rate?.admits(entry) === false) {
        this.#pendingEntry = entry;
        return false;
      }
      if (this.#linesNeedMemory && !this.#memory.mayGoOn(true)) {
        this.#pendingEntry = entry;
        this.#memoryWait.begin();
        return false;
      }
      if (!(entry instanceof BarrierLine ? this.#operator.offerBarrier(entry) : this.#operator.offer(entry))) {
        this.#pendingEntry = entry;
        return false;
      }
      this.#pendingEntry = undefined;
      this.#rate?.admitted();
    }
  }

  #nextEntry(): Entry | BarrierLine | undefined {
    this.#blocks?.pass(this.#mayPass);
    return this.#ended ? undefined : this.#reader.next();
  }

  /** The outcome of a line could be emitted immediately. */
  readonly #mayPass = (): boolean => this.#operator.size === 0 && this.#output.ready && this.#turnGate.open;

  #offerPending(): void {
    if (this.#ended || this.#pendingEntry === undefined || this.#waits) return;
    if (this.#offerAndCount() && !this.#bodyComplete) this.#sink.resume();
  }

  #recordFinished(): void {
    if (this.#ended) return;
    this.#control?.output.finished();
    if (this.#operatorEnded) this.#endWhenWritten();
    else this.#operator.downstreamReady();
  }

  #endWhenWritten(): void {
    if (this.#ended) return;
    this.#operatorEnded = true;
    // Lines of the last record are not written yet.
    if (this.#output.unfinished) return;
    if (this.#bodyFault !== undefined) return this.#fail(this.#bodyFault);
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
