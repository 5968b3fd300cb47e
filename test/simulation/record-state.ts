import type { Stretch } from './order-model.ts';

/** Values, or the name of an error: its code, or the message of a stranger. */
export type Given = readonly number[] | string;

/**
 *     waiting ─▶ running ⇄ retrying
 *                   │  └──────┴─ time runs out ─▶ expired ─▶ hooking
 *                   └──────────▶ settled ◀──────────┴───────────┘      the world, or a rule, has decided the outcome
 *                                   └─▶ complete ─▶ taken              the operator has heard of it; has emitted it
 */
export type Phase = 'waiting' | 'running' | 'retrying' | 'expired' | 'hooking' | 'settled' | 'complete' | 'taken';

/** What the model knows of a record. */
export class RecordState {
  readonly seq: number;
  readonly key: number;
  phase: Phase = 'waiting';
  stretch: Stretch | undefined = undefined;
  /** When it might be attempted: at its admission, or when its key was free. */
  startableAt = 0;
  due = Infinity;
  retryAt = 0;
  attempt = 0;
  call: Call | undefined = undefined;
  outcome: Given | undefined = undefined;
  /** Whether the operator has given up the call, as against a layer within it. Unknown where there is no layer. */
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
  /** Its first completion is given, or it was cancelled: what comes now is late. */
  closed = false;

  constructor(record: RecordState, attempt: number, hook: boolean, startedAt: number) {
    this.record = record;
    this.attempt = attempt;
    this.hook = hook;
    this.startedAt = startedAt;
  }
}
