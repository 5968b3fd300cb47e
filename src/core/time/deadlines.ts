import type { Clock } from './time.ts';

/**
 * Many deadlines on at most one timer of the clock.
 *
 *     timer ──▶ first ⇄ entry ⇄ entry ⇄ last        sooner ⇄ later, in order of `due`
 *
 * The entries are the links themselves, so arming allocates nothing. All entries last equally long, so a new one belongs
 * at the end; if it was armed a little late, its place is searched from there.
 * When an entry is disarmed the timer stays set, and when it fires it is set for the first entry that is left: a thousand
 * records a second cost one timer, not a thousand. A timer that fires on an empty list is not set again;
 * `stopIdleTimer` removes it before that.
 */
export interface Timed<Entry> {
  /** Clock milliseconds. */
  due: number;
  armed: boolean;
  sooner: Entry | undefined;
  later: Entry | undefined;
}

export class Deadlines<Entry extends Timed<Entry>> {
  readonly #clock: Clock;
  readonly #expire: (entry: Entry) => void;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #stopTimer: (() => void) | undefined;
  #timerDue = Infinity;
  #firing = false;

  /** `expire` is called with an entry that is no longer armed, when `now >= due`. */
  constructor(clock: Clock, expire: (entry: Entry) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  arm(entry: Entry, due: number): void {
    if (entry.armed) this.disarm(entry);
    let before = this.#last;
    while (before !== undefined && before.due > due) before = before.sooner;
    const after = before === undefined ? this.#first : before.later;
    entry.due = due;
    entry.armed = true;
    entry.sooner = before;
    entry.later = after;
    if (before === undefined) this.#first = entry;
    else before.later = entry;
    if (after === undefined) this.#last = entry;
    else after.sooner = entry;
    if (before === undefined && !this.#firing && due < this.#timerDue) this.#setTimer(due);
  }

  /** Does nothing to an entry that is not armed. */
  disarm(entry: Entry): void {
    if (!entry.armed) return;
    const { sooner, later } = entry;
    if (sooner === undefined) this.#first = later;
    else sooner.later = later;
    if (later === undefined) this.#last = sooner;
    else later.sooner = sooner;
    entry.armed = false;
    entry.sooner = undefined;
    entry.later = undefined;
  }

  /** Removes the timer if no entry is armed. For a caller that knows that no entry will be armed soon. */
  stopIdleTimer(): void {
    if (this.#first === undefined) this.#clearTimer();
  }

  /** Disarms all entries; `expire` is called for none of them. */
  clear(): void {
    while (this.#first !== undefined) this.disarm(this.#first);
    this.#clearTimer();
  }

  #setTimer(due: number): void {
    this.#clearTimer();
    // Rounded up: a Node timer of 1.5 ms fires after 1, finds nothing due, and would have to be set again.
    const ms = Math.max(0, Math.ceil(due - this.#clock.now()));
    this.#timerDue = due;
    this.#stopTimer = this.#clock.setTimer(ms, () => this.#fire());
  }

  #clearTimer(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#timerDue = Infinity;
  }

  #fire(): void {
    this.#stopTimer = undefined;
    this.#timerDue = Infinity;
    this.#firing = true;
    try {
      const now = this.#clock.now();
      for (let entry = this.#first; entry !== undefined && entry.due <= now; entry = this.#first) {
        this.disarm(entry);
        this.#expire(entry);
      }
    } finally {
      this.#firing = false;
      if (this.#first !== undefined) this.#setTimer(this.#first.due);
    }
  }
}
