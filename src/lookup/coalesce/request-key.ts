/**
 * What a request is recognised by: all that a far end could tell it apart from another one by. The text of a whole request
 * is long and fresh, and to build and search it costs more than all else that a request without an equal one needs. So
 * the hash is compared first, and the parts of two requests only if their hashes are equal.
 */
export interface RequestKey {
  /** Equal requests have equal hashes; `notHashed` for a request that is found by its text. */
  readonly hash: number;
  /** Different for different requests. */
  readonly text: string;
  equals(other: RequestKey): boolean;
}

export const notHashed = -1;

/** A longer text takes longer to hash here than in a Map, which hashes it in V8. */
const longestHashed = 128;

/** Goes on with the hash of the texts before this one, `seed` for the first; at least 0, or `notHashed`. */
export function hashText(text: string, before: number, seed: number): number {
  const { length } = text;
  if (length > longestHashed || before === notHashed) return notHashed;
  let hash = before;
  for (let at = 0; at < length; at++) hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ text.charCodeAt(at), seed);
  return (hash ^ (hash >>> 15)) & 0x3fffffff;
}

/** A request that is its text. */
export class TextKey implements RequestKey {
  readonly text: string;
  readonly hash: number;

  constructor(text: string, seed: number) {
    this.text = text;
    this.hash = hashText(text, seed, seed);
  }

  equals(other: RequestKey): boolean {
    return other.text === this.text;
  }
}
