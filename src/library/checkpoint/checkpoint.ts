/**
 * Which elements of a source are done (semantics E3): the reader has received the results of every element below `next`,
 * except those of the pending elements.
 *
 * To go on from a checkpoint, pass it as `resumeFrom`, with a source that starts with element `next`.
 *
 *     unorderedWait(elementsFrom(checkpoint.next), fn, { timeout: 1000, resumeFrom: checkpoint });
 */
export interface Checkpoint<In> {
  /**
   * The index from which the source is read again, watermarks counted: one more than the highest element whose results
   * were delivered. At least 0.
   */
  readonly next: number;
  /**
   * Elements below `next` whose results were not delivered, ascending by `seq`, their index in the source. Empty for
   * `orderedWait`, unless that wait was itself resumed. Watermarks are never pending.
   */
  readonly pending: readonly { readonly seq: number; readonly input: In }[];
}

export const fromStart: Checkpoint<never> = { next: 0, pending: [] };

/** The index in the source of the element that was admitted as number `slotNumber`, from 0, by a wait that was resumed from `resumed`. */
export function seqOf(resumed: Checkpoint<unknown>, slotNumber: number): number {
  const { next, pending } = resumed;
  return pending[slotNumber]?.seq ?? next + slotNumber - pending.length;
}

/** Whether a value has the members of a checkpoint. `checkCheckpoint` checks their values. */
export function isCheckpoint(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('next' in value) || !('pending' in value)) return false;
  return (
    Array.isArray(value.pending) &&
    value.pending.every((item) => typeof item === 'object' && item !== null && 'seq' in item && 'input' in item)
  );
}

/** Throws TypeError for a checkpoint that no wait can have made. */
export function checkCheckpoint(taskName: string, checkpoint: Checkpoint<unknown>): void {
  const { next, pending } = checkpoint;
  if (!Number.isSafeInteger(next) || next < 0) {
    throw new TypeError(`${taskName}: resumeFrom.next is a whole number of at least 0, not ${String(next)}`);
  }
  let previous = -1;
  for (const { seq } of pending) {
    if (!Number.isSafeInteger(seq) || seq <= previous || seq >= next) {
      const bound = `above ${previous} and below next, ${next}`;
      throw new TypeError(`${taskName}: resumeFrom.pending is ascending; expected a seq ${bound}, not ${String(seq)}`);
    }
    previous = seq;
  }
}
