import type { Stretch } from './order-model.ts';

/** Values, or the name of an error: its code, or the message of an error without a code. */
export type Produced = readonly number[] | string;

/**
 *     waiting ─▶ running ⇄ retrying
 *                   │  └──────┴─ time runs out ─▶ expired ─▶ hooking
 *                   └──────────▶ settled ◀──────────┴───────────┘      the world or a rule has decided the outcome
 *                                   └─▶ complete ─▶ taken              the operator has received it; has emitted it
 */
export type Phase = 'waiting' | 'running' | 'retrying' | 'expired' | 'hooking' | 'settled' | 'complete' | 'taken';

/** The state of a record in the model. */
export class RecordState {
  readonly seq: number;
  readonly key: number;
  phase: Phase = 'waiting';
  stretch: Stretch | undefined = undefined;
  /** When it could be attempted: at its admission, or when its key became free. */
  startableAt = 0;
  due = Infinity;
  retryAt = 0;
  attempt = 0;
  call: Call | undefined = undefined;
  outcome: Produced | undefined = undefined;
  /** Whether the operator cancelled the call, and not a layer within it. Unknown if there is no layer. */
  gaveUp: (() => boolean) | undefined = undefined;

  constructor(seq: number, key: number) {
    this.seq = seq;
    this.key = key;
  }
}

/** One call of the function, or of its timeout hook. */
export class Call {
  readonly record: RecordState;
  readonly attempt: number;
  readonly hook: boolean;
  readonly startedAt: number;
  /** Whether it was completed or cancelled: a further completion is late. */
  closed = false;

  constructor(record: RecordState, attempt: number, hook: boolean, startedAt: number) {
    this.record = record;
    this.attempt = attempt;
    this.hook = hook;
    this.startedAt = startedAt;
  }
}
