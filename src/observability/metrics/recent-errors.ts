import type { RecordFailure } from '../../core/errors.ts';
import { type Clock, wallClockMs } from '../../core/time/time.ts';

/** Different errors that are kept: they fit on a screen, and many errors of one kind do not remove the others. */
const mostErrors = 50;
/** Characters of a message that are kept: a user's function may throw a very long one. */
const mostCharacters = 500;

/** One of the last errors. `at` and `firstAt` are wall-clock times (ISO 8601), `ageMs` is the time since `at`. */
export type SeenError = {
  readonly at: string;
  readonly ageMs: number;
  readonly firstAt: string;
  readonly count: number;
  readonly pipeline: string;
  readonly lookup: string | null;
  readonly code: string;
  readonly message: string;
  readonly status: number | null;
};

interface Seen {
  readonly pipeline: string;
  readonly lookup: string | undefined;
  readonly code: string;
  readonly message: string;
  readonly status: number | undefined;
  count: number;
  readonly firstMs: number;
  lastMs: number;
}

/**
 * The last errors of records, each different error once. Nothing of a record is kept except the message.
 *
 *     [ timeout ×812 | bad_status 503 ×3 | missing_argument ×1 |  …  ]     at most 50
 *          └ the same again: count + 1, lastMs = now       a new one replaces the one with the oldest lastMs
 *
 * A record that fails costs one pass over the list, and a record that does not fail costs nothing.
 */
export class RecentErrors {
  readonly #clock: Clock;
  readonly #seen: Seen[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(pipeline: string, { code, message, details }: RecordFailure): void {
    const now = this.#clock.now();
    const lookup = details?.lookup;
    const status = details?.status;
    const text = message.length > mostCharacters ? `${message.slice(0, mostCharacters)}…` : message;
    let oldest = 0;
    for (const [place, seen] of this.#seen.entries()) {
      if (
        seen.message === text &&
        seen.code === code &&
        seen.lookup === lookup &&
        seen.status === status &&
        seen.pipeline === pipeline
      ) {
        seen.count += 1;
        seen.lastMs = now;
        return;
      }
      if (seen.lastMs < (this.#seen[oldest]?.lastMs ?? Infinity)) oldest = place;
    }
    const place = this.#seen.length < mostErrors ? this.#seen.length : oldest;
    this.#seen[place] = { pipeline, lookup, code, message: copied(text), status, count: 1, firstMs: now, lastMs: now };
  }

  /** Newest first. */
  list(): SeenError[] {
    const now = this.#clock.now();
    const wall = wallClockMs();
    const iso = (ms: number): string => new Date(wall - (now - ms)).toISOString();
    return this.#seen
      .toSorted((a, b) => b.lastMs - a.lastMs)
      .map(({ pipeline, lookup, code, message, status, count, firstMs, lastMs }) => ({
        at: iso(lastMs),
        ageMs: Math.round(now - lastMs),
        firstAt: iso(firstMs),
        count,
        pipeline,
        lookup: lookup ?? null,
        code,
        message,
        status: status ?? null,
      }));
  }
}

/** A copy of the text: a slice would keep the larger text that it is part of in memory, for example a chunk of a body. */
function copied(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
