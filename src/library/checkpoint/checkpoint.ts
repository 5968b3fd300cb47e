/**
 * What of a source has been given to the reader, and what has not (semantics E3).
 *
 * The results of every element below `next`, but for those of the pending ones, have been given. To go on from here:
 * `resumeFrom` this, and a source that starts with element `next`.
 */
export interface Checkpoint<In> {
  /** Index in the source, watermarks counted, of the first element that `pending` does not speak of. */
  readonly next: number;
  /** Ascending by `seq`, the index in the source. Empty in ordered mode, unless the wait was itself resumed. */
  readonly pending: readonly { readonly seq: number; readonly input: In }[];
}

export const fromStart: Checkpoint<never> = { next: 0, pending: [] };

/** The index in the source of the element that was admitted as number `place`, from 0, by a wait that went on from `resumed`. */
export function seqOf(resumed: Checkpoint<unknown>, place: number): number {
  const { next, pending } = resumed;
  return pending[place]?.seq ?? next + place - pending.length;
}

/** Whether it has the members of a checkpoint; `checkCheckpoint` says whether their values can be. */
export function isCheckpoint(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('next' in value) || !('pending' in value)) return false;
  return (
    Array.isArray(value.pending) &&
    value.pending.every((item) => typeof item === 'object' && item !== null && 'seq' in item && 'input' in item)
  );
}

/** Throws TypeError for a checkpoint that no wait can have given. */
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
