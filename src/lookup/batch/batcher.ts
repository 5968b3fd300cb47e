import type { CallContext } from '../../core/call/call-context.ts';
import type { Later, Receiver } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';
import { Fifo } from '../../core/fifo.ts';
import type { LayerGauges, LookupObserver } from '../../core/observer/observer.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';
import type { Clock } from '../../core/time/time.ts';
import type { BatchEntry, ManyService, Reply, Service } from '../lookup.ts';
import { serviceOf } from '../service.ts';
import { Batch, type BatchedRequest } from './batch.ts';
import type { BatchOptions } from './batch-options.ts';

interface BatcherDeps<Req> {
  readonly clock: Clock;
  readonly observer: Pick<LookupObserver, 'batched'>;
  /** A text that is equal for equal requests only. */
  readonly keyOf: (request: Req) => string;
}

/** Statuses that may be about one of the requests, or about their number (RFC 9110, 15.5). */
const refusals: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

/** Whether half of the requests may have an answer. An answer that is too large comes in halves as well. */
function isAboutContent({ code, details }: RecordError): boolean {
  return refusals.has(details.status) || code === 'response_too_large';
}

/**
 * The layer `batch` of a lookup: one call for the requests of many records.
 *
 *     batch: { maxSize: 50, linger: 1ms, maxInFlight: 16 }
 *
 *     const batcher = new Batcher(options, { clock, observer, keyOf: argumentsKey });
 *     const service = batcher.over(connector.callMany);
 *
 *     requests ──▶ gathering ── full ────────────────┬─ fewer than maxInFlight under way ──▶ call
 *                      ├─ linger is over ────────────┤
 *                      └─ no more requests can come ─┴─ else: a full batch waits in `queue`, and one that is not
 *                                                      full gathers on
 *
 * Equal requests of a batch are sent once. No more requests can come if that holds for every stream with a record in the
 * batch (see Arrivals); other streams are not waited for.
 *
 * A record leaves its batch when it is cancelled, and the call is cancelled when the last one has left. A record whose
 * batch is not sent yet reports that it waits for a batch, and also for a limit if `maxInFlight` batches are under way.
 *
 * If a batch fails with 400, 413 or 422, or because its answer is too large, its halves are sent, before all other
 * batches that wait: a request that is refused is found after log2(maxSize) rounds. Any other failure is that of all
 * requests.
 */
export class Batcher<Req, Res> implements BatchEntry<Req, Res> {
  readonly name = 'batch';
  readonly #options: BatchOptions;
  readonly #deps: BatcherDeps<Req>;
  #many: ManyService<Req, Res> = () => [];
  #gathering: Batch<Req, Res> | undefined;
  /** Halves of refused batches. */
  readonly #halves = new Fifo<Batch<Req, Res>>();
  /** Full batches. */
  readonly #queue = new Fifo<Batch<Req, Res>>();
  readonly #unsent = new Set<Batch<Req, Res>>();
  #inFlight = 0;
  #sendingNext = false;
  readonly #totals = { batches: 0, requests: 0, splits: 0 };

  constructor(options: BatchOptions, deps: BatcherDeps<Req>) {
    this.#options = options;
    this.#deps = deps;
  }

  /** The service for one request, made of one for many. Called once. */
  over(many: ManyService<Req, Res>): Service<Req, Res> {
    this.#many = many;
    return serviceOf((request, context, receiver) => this.#add(request, context, receiver));
  }

  gauges() {
    let waiting = 0;
    let gathering = 0;
    for (const { size, waitsAtLimit } of this.#unsent) {
      gathering += size;
      if (waitsAtLimit) waiting++;
    }
    return {
      queued: waiting,
      totals: this.#totals,
      now: { gathering, inFlight: this.#inFlight },
    } satisfies LayerGauges;
  }

  /** Every request that waits rejects with `cancelled`. */
  close(): void {
    const error = new RecordError('cancelled', 'the lookup is closed');
    for (const batch of this.#unsent) {
      for (const request of batch.begin()) request.reject(error);
    }
    this.#unsent.clear();
    this.#gathering = undefined;
  }

  #add(request: Req, context: CallContext, receiver: Receiver<Res>): Later {
    const batch = this.#gathering ?? this.#open();
    const waits: Later = batch.join(this.#deps.keyOf(request), request, context, receiver);
    if (batch.size >= this.#options.maxSize && this.#gathering === batch) {
      this.#gathering = undefined;
      batch.stopGathering();
      this.#sendOrWait(batch, this.#queue);
    }
    return waits;
  }

  #open(): Batch<Req, Res> {
    const batch = new Batch<Req, Res>();
    this.#gathering = batch;
    this.#keep(batch);
    batch.gather(() => inLaterTurn(() => this.#sendIfAlone(batch)));
    const { linger } = this.#options;
    if (linger > 0) batch.onStopGathering(this.#deps.clock.setTimer(linger, () => this.#due(batch)));
    else inLaterTurn(() => this.#due(batch));
    return batch;
  }

  /** A batch whose last record leaves before it is sent is forgotten. */
  #keep(batch: Batch<Req, Res>): void {
    this.#unsent.add(batch);
    batch.shared.inBatch(1);
    batch.shared.onCancel(() => {
      if (!this.#unsent.delete(batch)) return;
      batch.stopGathering();
      if (this.#gathering === batch) this.#gathering = undefined;
    });
  }

  /** Called in a later turn, so that requests of the same turn have come. */
  #sendIfAlone(batch: Batch<Req, Res>): void {
    if (this.#gathering === batch && !batch.mayGrow) this.#due(batch);
  }

  #due(batch: Batch<Req, Res>): void {
    if (this.#gathering !== batch) return;
    batch.due = true;
    this.#sendOrWait(batch, undefined);
  }

  #sendOrWait(batch: Batch<Req, Res>, queue: Fifo<Batch<Req, Res>> | undefined): void {
    if (this.#inFlight < this.#options.maxInFlight) return this.#send(batch);
    batch.waitAtLimit();
    queue?.push(batch);
  }

  #send(batch: Batch<Req, Res>): void {
    if (this.#gathering === batch) this.#gathering = undefined;
    this.#unsent.delete(batch);
    const requests = batch.begin();
    this.#inFlight++;
    let replies: readonly Reply<Res>[] | Promise<readonly Reply<Res>[]>;
    try {
      replies = this.#many(
        requests.map(({ request }) => request),
        batch.shared,
      );
    } catch (error) {
      if (batch.shared.began) this.#count(requests.length);
      return this.#failed(batch, requests, error);
    }
    const sent = batch.shared.began || !(replies instanceof Promise);
    if (sent) this.#count(requests.length);
    if (!(replies instanceof Promise)) return this.#answered(requests, replies);
    replies.then(
      (all) => {
        if (!sent) this.#count(requests.length);
        return this.#answered(requests, all);
      },
      (error: unknown) => {
        if (!sent && batch.shared.began) this.#count(requests.length);
        return this.#failed(batch, requests, error);
      },
    );
  }

  /** Counts a batch that was sent. */
  #count(requests: number): void {
    this.#totals.batches++;
    this.#totals.requests += requests;
    this.#deps.observer.batched(requests);
  }

  #answered(requests: readonly BatchedRequest<Req, Res>[], replies: readonly Reply<Res>[]): void {
    for (const [index, request] of requests.entries()) {
      const reply = replies[index];
      if (reply === undefined || replies.length !== requests.length)
        request.reject(new RecordError('bad_response', `${requests.length} requests have ${replies.length} answers`));
      else if (reply instanceof RecordError) request.reject(reply);
      else request.resolve(reply);
    }
    this.#ended();
  }

  #failed(batch: Batch<Req, Res>, requests: readonly BatchedRequest<Req, Res>[], error: unknown): void {
    if (requests.length > 1 && isAboutContent(RecordError.from(error)) && !batch.shared.cancelled) {
      this.#totals.splits++;
      const middle = requests.length >> 1;
      for (const half of [requests.slice(0, middle), requests.slice(middle)]) this.#addHalf(half);
    } else {
      for (const request of requests) request.reject(error);
    }
    this.#ended();
  }

  #addHalf(requests: readonly BatchedRequest<Req, Res>[]): void {
    const half = new Batch<Req, Res>(requests);
    if (half.shared.cancelled) return;
    this.#keep(half);
    half.waitAtLimit();
    this.#halves.push(half);
  }

  #ended(): void {
    this.#inFlight--;
    if (this.#sendingNext) return;
    this.#sendingNext = true;
    try {
      this.#sendNext();
    } finally {
      this.#sendingNext = false;
    }
  }

  /** Not called again for a batch that ends at once: thousands of them would not fit on the stack. */
  #sendNext(): void {
    while (this.#inFlight < this.#options.maxInFlight) {
      const next = this.#halves.shift() ?? this.#queue.shift() ?? (this.#gathering?.due ? this.#gathering : undefined);
      if (next === undefined) return;
      if (this.#unsent.has(next)) this.#send(next);
    }
  }
}
