import type { Clock } from '../../src/core/time/time.ts';
import type { SeededRandom } from './random.ts';

interface Event {
  readonly due: number;
  /** Decides the order of events of the same instant. */
  readonly lot: number;
  readonly ofSubject: boolean;
  fire: (() => void) | undefined;
}

/**
 * Time that moves from event to event. Each call of `step` handles one event, without waiting and without a promise. The
 * caller drains promises between two steps.
 *
 *     heap of (due, lot)     world: completions, reader, source, stalls
 *                            subject: the timers of the code under test, counted in `timers`
 *
 * The seed decides the order of events of the same instant, because the port promises none: the deadline and the answer of
 * a record meet in both orders. An event that was cancelled stays in the heap, empty, until its time.
 */
export class SimClock implements Clock {
  readonly #random: SeededRandom;
  readonly #heap: Event[] = [];
  #now = 0;
  #timers = 0;
  /** The due time of the event that is being handled: earlier than now after a stall. */
  firingDue = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  now(): number {
    return this.#now;
  }

  /** Timers of the subject that are armed. */
  get timers(): number {
    return this.#timers;
  }

  /** When the next event is due; Infinity if there is none. */
  get nextDue(): number {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.fire !== undefined) return first.due;
      this.#pop();
    }
    return Infinity;
  }

  setTimer(ms: number, fire: () => void): () => void {
    const event = this.#push(Math.max(0, ms), fire, true);
    this.#timers++;
    return () => {
      if (event.fire === undefined) return;
      event.fire = undefined;
      this.#timers--;
    };
  }

  /** An event of the world. */
  after(ms: number, fire: () => void): void {
    this.#push(ms, fire, false);
  }

  /** Blocks the process: events that become due meanwhile are late. */
  stall(ms: number): void {
    this.#now += ms;
  }

  /** Handles the next event; false if there is none. */
  step(): boolean {
    if (this.nextDue === Infinity) return false;
    const event = this.#pop();
    const fire = event?.fire;
    if (event === undefined || fire === undefined) return false;
    event.fire = undefined;
    if (event.ofSubject) this.#timers--;
    this.#now = Math.max(this.#now, event.due);
    this.firingDue = event.due;
    fire();
    return true;
  }

  #push(ms: number, fire: () => void, ofSubject: boolean): Event {
    const event = { due: this.#now + ms, lot: this.#random.next(), ofSubject, fire };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !before(event, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
    return event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      let child = heap[down];
      if (child === undefined) break;
      const other = heap[down + 1];
      if (other !== undefined && before(other, child)) {
        child = other;
        down++;
      }
      if (!before(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
    return first;
  }
}

function before(left: Event, right: Event): boolean {
  return left.due < right.due || (left.due === right.due && left.lot < right.lot);
}
