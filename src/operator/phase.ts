/**
 * Whether the operator admits records, and whether a turn of its emission runs (`…Turn`). A running turn emits slots that
 * become ready during it, so no other turn begins meanwhile.
 *
 *     open ⇄ openTurn            admits records
 *      │ end     │ end
 *      ▼         ▼
 *     ended ⇄ endedTurn          the input has ended, slots are still to be emitted
 *      │
 *      ▼ every slot is emitted; from every phase: abort
 *     closed                     nothing is admitted, emitted or called
 */
export type Phase = 'open' | 'openTurn' | 'ended' | 'endedTurn' | 'closed';

/** Whether records are admitted. */
export function isOpen(phase: Phase): boolean {
  return phase === 'open' || phase === 'openTurn';
}

/** Whether a turn may begin: no turn runs, and the operator is not closed. */
export function isBetweenTurns(phase: Phase): boolean {
  return phase === 'open' || phase === 'ended';
}

export function isClosed(phase: Phase): boolean {
  return phase === 'closed';
}

/** The phase after the end of the input. Only for an open phase. */
export function withInputEnded(phase: Phase): Phase {
  return phase === 'open' ? 'ended' : 'endedTurn';
}

/** The phase of a turn that begins. Only for a phase between two turns. */
export function withTurnBegun(phase: Phase): Phase {
  return phase === 'open' ? 'openTurn' : 'endedTurn';
}

/** The phase after a turn. An operator that was closed in the turn stays closed. */
export function withTurnEnded(phase: Phase): Phase {
  if (phase === 'closed') return phase;
  return phase === 'openTurn' ? 'open' : 'ended';
}
