import { stepsTaken } from '../../cel/expression.ts';
import type { Gate } from '../../core/call/gate.ts';
import { type Guard, guardedOnce } from '../../core/guard.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';

/**
 * Steps after which no more records are started in a turn of the event loop: 25 ms. One evaluation is bounded, but a
 * chunk of the body can hold a hundred records, and a hundred streams can have a chunk each. A failed record takes more
 * time than an enriched one, and a chunk can hold 30,000 lines that are not records.
 */
const stepsPerTurn = 500_000;

/** A record that takes a slot, and its call. */
export const stepsOfStart = 200;

/** An error of a record, with the text of its line. */
export const stepsOfFailure = 500;

/** Hooks that wait for a later turn, of all streams: they share one event loop. */
const waiting = new Set<() => void>();
let turnBegan = 0;
let timed = false;
/** Steps of this process outside of expressions. */
let otherSteps = 0;

/** Counts work for a record outside of expressions. */
export function spend(steps: number): void {
  otherSteps += steps;
}

/**
 * Open while another record may be started in this turn. Hooks are called in later turns, in order, as many in a turn as
 * there are steps for. If a hook throws, `guard` handles it, and the other hooks are called.
 */
export class TurnGate implements Gate {
  readonly #guarded: (hook: () => void) => () => void;

  constructor(guard: Guard) {
    this.#guarded = guardedOnce(guard);
  }

  get open(): boolean {
    return hasSteps();
  }

  whenOpen(hook: () => void): void {
    waiting.add(this.#guarded(hook));
    awaitTurn();
  }
}

/** Resolves in the turn in which work may go on; undefined if work may go on now. */
export function turn(): Promise<void> | undefined {
  if (hasSteps()) return undefined;
  return new Promise((resolve) => {
    waiting.add(resolve);
    awaitTurn();
  });
}

function hasSteps(): boolean {
  return allSteps() - turnBegan <= stepsPerTurn;
}

function allSteps(): number {
  return stepsTaken() + otherSteps;
}

function awaitTurn(): void {
  if (timed) return;
  timed = true;
  // Not a timer of 0 ms, which takes 1 ms. Node.js reads what has arrived for other requests before it runs an immediate.
  inLaterTurn(takeTurn);
}

function takeTurn(): void {
  timed = false;
  turnBegan = allSteps();
  try {
    for (const goOn of waiting) {
      waiting.delete(goOn);
      goOn();
      if (!hasSteps()) break;
    }
  } finally {
    if (waiting.size > 0) awaitTurn();
  }
}
