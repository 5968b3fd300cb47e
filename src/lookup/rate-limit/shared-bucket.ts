import type { Clock } from '../../core/time/time.ts';
import { type Rate, TokenBucket } from '../../core/call/token-bucket.ts';

/** A configuration of the lookup that is open. */
export interface BucketUser {
  readonly rate: Rate;
  /** There is a token. If the user does not take it, the next one in turn is called. */
  tokenThere(): void;
}

/**
 * The tokens of one lookup, shared by all configurations that have it open: a reload never doubles the rate. The
 * configuration that was opened last decides the rate, for all of them.
 *
 *     configuration 1 (old streams) ─┐  wait in turn   ┌──────────────┐
 *     configuration 2 (new streams) ─┴───────────────▶ │ TokenBucket  │  rate of configuration 2
 *                                                      └──────────────┘
 *
 * At most one timer, and only while a user waits.
 */
export class SharedBucket {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  /** In the order in which they were opened. */
  readonly #users: BucketUser[] = [];
  /** In the order in which they wait. */
  readonly #waiting = new Set<BucketUser>();
  #stopTimer: (() => void) | undefined = undefined;
  readonly #fire = (): void => {
    this.#stopTimer = undefined;
    for (const user of this.#waiting) {
      if (!this.hasToken) break;
      this.#waiting.delete(user);
      user.tokenThere();
    }
    this.#setTimer();
  };

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#bucket = new TokenBucket(rate);
  }

  get rate(): Rate {
    return this.#bucket.rate;
  }

  get hasToken(): boolean {
    return this.waitMs(1) === 0;
  }

  waitMs(tokens: number): number {
    return this.#bucket.waitMs(this.#clock.now(), tokens);
  }

  take(nowMs = this.#clock.now()): void {
    this.#bucket.take(nowMs);
  }

  add(user: BucketUser): void {
    this.#users.push(user);
    this.#useLastRate();
  }

  /** Returns the number of users that are left. */
  remove(user: BucketUser): number {
    this.#waiting.delete(user);
    this.#users.splice(this.#users.indexOf(user), 1);
    this.#useLastRate();
    return this.#users.length;
  }

  /** `tokenThere` of the user is called once, later, when there is a token and its turn has come. */
  wait(user: BucketUser): void {
    this.#waiting.add(user);
    if (this.#stopTimer === undefined) this.#setTimer();
  }

  #useLastRate(): void {
    const last = this.#users.at(-1);
    if (last !== undefined) this.#bucket.setRate(last.rate, this.#clock.now());
    this.#setTimer();
  }

  #setTimer(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (this.#waiting.size === 0) return;
    this.#stopTimer = this.#clock.setTimer(this.waitMs(1), this.#fire);
  }
}

/** The buckets of the lookups of a process, by name. */
export class SharedBuckets {
  readonly #byLookup = new Map<string, SharedBucket>();

  /** The bucket of this lookup. It is kept until its last user has left. */
  join(lookup: string, clock: Clock, user: BucketUser): SharedBucket {
    const bucket = this.#byLookup.get(lookup) ?? new SharedBucket(clock, user.rate);
    this.#byLookup.set(lookup, bucket);
    bucket.add(user);
    return bucket;
  }

  leave(lookup: string, user: BucketUser): void {
    if (this.#byLookup.get(lookup)?.remove(user) === 0) this.#byLookup.delete(lookup);
  }
}
