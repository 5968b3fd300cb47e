import { stepsTaken } from '../../cel/expression.ts';
import type { Gate } from '../../core/call/gate.ts';
import { type Guard, guardedOnce } from '../../core/guard.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';

/**
 * Steps after which no more records are started in a turn of the event loop: 25 ms. One evaluation is bounded, but a
 * chunk of the body can hold a hundred records, and a hundred streams can have one each. What fails takes more time
 * than what is found, and a chunk can hold 30,000 lines that are no records.
 */
const stepsPerTurn = 500_000;

/** A record that takes a slot, and its call. */
export const stepsOfStart = 200;

/** An error of a record, from where it is found to its text. */
export const stepsOfFailure = 500;

/** There is one event loop, and all streams share it. */
const waiting = new Set<() => void>();
let turnBegan = 0;
let timed = false;
/** Steps of this process that are none of an expression. */
let otherSteps = 0;

/** Counts work for a record that is no expression. */
export function spend(steps: number): void {
  otherSteps += steps;
}

/**
 * Open while another record may be started in this turn. Hooks are called in later turns, in the order in which they
 * came, each turn as many as there are steps for. A hook that throws ends what `guard` says, and not the others.
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

/** Resolves when work may go on; undefined if that is now. */
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
  // Not a timer of 0 ms, which is one of 1 ms: what arrived for others is read before an immediate comes.
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
