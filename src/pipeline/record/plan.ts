import type { Secrets } from '../../core/secrets/secrets.ts';
import type { MemberScan } from '../../wire/json/member-scan.ts';
import type { MetaField } from './meta.ts';
import type { OnFailure } from './outcome.ts';
import type { Step } from './step.ts';

/** What all records of a stream have in common. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Every step is answered immediately: the outcome of a record exists when its run has started. */
  readonly immediate: boolean;
  /** The step of a plan that has no other, if its answer alone is added to the line: no `_meta`, no `explode`. */
  readonly onlyStep: Step | undefined;
  /** Finds what the steps read and write; it belongs to one stream. */
  readonly scan: MemberScan;
  readonly onError: OnFailure;
  /** JSON source of the answer that replaces a failed one; undefined if `onError` has no value. */
  readonly fallback: string | undefined;
  readonly onMiss: 'null' | 'omit' | 'drop' | 'error';
  readonly explode: boolean;
  readonly meta: readonly MetaField[];
  /** Values that no message may show. */
  readonly secrets: Secrets;
  /** Receives what a defect throws while a later answer is handled: no caller is left to throw it to. */
  readonly onDefect: (error: unknown) => void;
}
