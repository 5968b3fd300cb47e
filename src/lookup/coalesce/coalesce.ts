import type { CallContext } from '../../core/call/call-context.ts';
import { SharedCall } from '../../core/call/shared-call.ts';
import { later, type Later, type Receiver } from '../../core/call/receiver.ts';
import { RecordError } from '../../core/errors.ts';
import type { LayerGauges } from '../../core/observer/observer.ts';
import type { Random } from '../../core/time/time.ts';
import type { Layer, LayerEntry } from '../lookup.ts';
import { type Begin, beginOf, serviceOf } from '../service.ts';
import { CallTable, type ListedCall } from './call-table.ts';
import { type RequestKey, TextKey } from './request-key.ts';

/** The key of a request, or its text. `seed` is for its hash. Throws the failure of the request. */
export type KeyOf<Req> = (request: Req, context: CallContext, seed: number) => RequestKey | string;

/**
 * The layer `coalesce` of a lookup: equal requests that are under way at the same time share one call.
 *
 *     const coalesce = new Coalesce<Arguments, Answer>(connector.requestKey, random);
 *     const service = coalesce.layer(connector.call);
 *
 *     record 1 ── SFO ──┐
 *     record 2 ── SFO ──┴── one call, one answer
 *     record 3 ── LAX ───── another call
 *
 * A record that leaves, because its time ran out or its client is gone, gets its own reason, and the call goes on for
 * the others. When the last one has left, the call is cancelled. Of a call that may hang, no other record joins it once
 * the time of one has run out. An answer that is not a promise is not shared: no other request comes while it is
 * made.
 *
 * The key has to hold all that a far end could tell two requests apart by.
 */
export class Coalesce<Req, Res> implements LayerEntry<Req, Res> {
  readonly name = 'coalesce';
  readonly #keyOf: KeyOf<Req>;
  /** Calls under way that can be joined. */
  readonly #open = new CallTable<OpenCall<Req, Res>>();
  /** An odd number of 32 bits. */
  readonly #seed: number;
  readonly #mayHang: boolean;
  #coalesced = 0;

  /** `mayHang`: whether a call may never end, because it has no time of its own. */
  constructor(keyOf: KeyOf<Req>, random: Random, mayHang = false) {
    this.#keyOf = keyOf;
    this.#mayHang = mayHang;
    this.#seed = (random() * 2 ** 32) | 1;
  }

  readonly layer: Layer<Req, Res> = (inner) => {
    const begin = beginOf(inner);
    return serviceOf((request, context, receiver, nowMs) => {
      const found = this.#keyOf(request, context, this.#seed);
      const key = typeof found === 'string' ? new TextKey(found, this.#seed) : found;
      const known = this.#open.find(key);
      if (known === undefined)
        return new OpenCall(this.#open, key, this.#mayHang).begin(begin, request, context, receiver, nowMs);
      this.#coalesced++;
      context.callShared();
      return known.join(context, receiver).wait();
    });
  };

  /** Requests that shared the call of another one, and calls that can be joined. */
  gauges() {
    return { totals: { coalesced: this.#coalesced }, now: { open: this.#open.size } } satisfies LayerGauges;
  }
}

/**
 * A call that is under way. It is listed until its answer settles or it is cancelled, and if it may hang, until the time of
 * a waiter runs out.
 */
class OpenCall<Req, Res> extends SharedCall<Res> implements ListedCall<OpenCall<Req, Res>> {
  readonly key: RequestKey;
  next: OpenCall<Req, Res> | undefined = undefined;
  readonly #open: CallTable<OpenCall<Req, Res>>;
  readonly #mayHang: boolean;
  #listed = false;

  constructor(open: CallTable<OpenCall<Req, Res>>, key: RequestKey, mayHang: boolean) {
    super();
    this.#mayHang = mayHang;
    this.#open = open;
    this.key = key;
  }

  /** Makes the call for its first waiter. */
  begin(
    inner: Begin<Req, Res>,
    request: Req,
    context: CallContext,
    receiver: Receiver<Res>,
    nowMs: number | undefined,
  ): Res | Later {
    const waiter = this.join(context, receiver);
    const answer = inner(request, this, this, nowMs);
    if (answer !== later || waiter.left) return answer;
    this.#listed = true;
    this.#open.add(this);
    return waiter.wait();
  }

  override cancel(reason: unknown): void {
    this.#unlist();
    super.cancel(reason);
  }

  protected override settled(): void {
    this.#unlist();
  }

  /** The call has taken longer than the time of a record, and may never end: the next record makes a new one. */
  protected override gaveUp(reason: unknown): void {
    if (this.#mayHang && reason instanceof RecordError && reason.code === 'timeout') this.#unlist();
  }

  #unlist(): void {
    if (!this.#listed) return;
    this.#listed = false;
    this.#open.remove(this);
  }
}
