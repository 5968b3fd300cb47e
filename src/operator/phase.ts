/**
 * Whether the operator admits records, and whether its loop is running (`…Run`). A run emits slots that become ready during
 * it, so no other run begins meanwhile.
 *
 *     open ⇄ openRun             admits records
 *      │ end     │ end
 *      ▼         ▼
 *     ended ⇄ endedRun           the input has ended, slots are still to be emitted
 *      │
 *      ▼ every slot is emitted; from every phase: abort
 *     closed                     nothing is admitted, emitted or called
 */
export type Phase = 'open' | 'openRun' | 'ended' | 'endedRun' | 'closed';

/** Whether records are admitted. */
export function isOpen(phase: Phase): boolean {
  return phase === 'open' || phase === 'openRun';
}

/** Whether a run may begin: the loop is not running, and the operator is not closed. */
export function isBetweenRuns(phase: Phase): boolean {
  return phase === 'open' || phase === 'ended';
}

export function isClosed(phase: Phase): boolean {
  return phase === 'closed';
}

/** The phase after the end of the input. Only for an open phase. */
export function withInputEnded(phase: Phase): Phase {
  return phase === 'open' ? 'ended' : 'endedRun';
}

/** The phase of a run that begins. Only for a phase between two runs. */
export function withRunBegun(phase: Phase): Phase {
  return phase === 'open' ? 'openRun' : 'endedRun';
}

/** The phase after a run. An operator that was closed in the run stays closed. */
export function withRunEnded(phase: Phase): Phase {
  if (phase === 'closed') return phase;
  return phase === 'openRun' ? 'open' : 'ended';
}
