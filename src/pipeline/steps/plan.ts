import type { Secrets } from '../../core/secrets/secrets.ts';
import { MemberScan } from '../../wire/json/member-scan.ts';
import type { MemberTable } from '../../wire/json/member-table.ts';
import type { StreamSettings } from '../stream-settings.ts';
import type { OnFailure } from '../record/outcome.ts';
import type { StepAdditions } from './step-additions.ts';
import type { Step } from './step.ts';

/** The part of a plan that all streams of a pipeline share. */
export interface PlanBase {
  readonly steps: readonly Step[];
  /** What the steps read and write. */
  readonly members: MemberTable;
  /** Undefined if the steps need a record of each line. */
  readonly additions: StepAdditions | undefined;
  /** Values that no message may show. */
  readonly secrets: Secrets;
}

/** What all records of a stream have in common: its settings, and what follows from them for the steps. */
export interface Plan extends Omit<PlanBase, 'members'> {
  readonly settings: StreamSettings;
  /** Every step is answered immediately: the outcome of a record exists when its run has started. */
  readonly immediate: boolean;
  /** The step of a plan that has no other, if its answer alone is added to the line: no `_meta`, no `explode`. */
  readonly onlyStep: Step | undefined;
  /** Finds what the steps read and write; it belongs to one stream. */
  readonly scan: MemberScan;
  /** What becomes of a record that failed, if there is no fallback. */
  readonly onFailure: OnFailure;
  /** JSON text of the answer that replaces a failed one; undefined if `onError` has no value. */
  readonly fallback: string | undefined;
  /** Receives the error that a defect throws while a later answer is handled: no caller is left to throw it to. */
  readonly onDefect: (error: unknown) => void;
}

export function planOf(
  { steps, members, additions, secrets }: PlanBase,
  settings: StreamSettings,
  onDefect: Plan['onDefect'],
): Plan {
  const { onError, meta, explode } = settings;
  const named = typeof onError === 'string';
  return {
    settings,
    steps,
    additions,
    immediate: steps.every(({ lookup, repeat }) => lookup.immediate && repeat === undefined),
    onlyStep: steps.length === 1 && meta.length === 0 && !explode ? steps[0] : undefined,
    scan: new MemberScan(members),
    onFailure: named ? onError : 'annotate',
    fallback: named ? undefined : JSON.stringify(onError.value),
    secrets,
    onDefect,
  };
}
