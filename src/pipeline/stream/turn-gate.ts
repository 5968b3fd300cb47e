import { stepsTaken } from '../../cel/expression.ts';
import type { Gate } from '../../core/call/gate.ts';
import { type Guard, guardedOnce } from '../../core/guard.ts';
import { inLaterTurn } from '../../core/time/later-turn.ts';

/**
 * Cost after which no more records are started in a turn of the event loop: 25 ms. The unit is a step of an expression,
 * 50 ns. One evaluation is bounded, but a chunk of the body can hold a hundred records, and a hundred streams can have a
 * chunk each. A failed record takes more time than an enriched one, and a chunk can hold 30,000 lines that are not
 * records.
 */
const costPerTurn = 500_000;

/** Cost of a record that takes a slot, and of its call. */
export const costOfStart = 200;

/** Cost of the error of a record, with the text of its line. */
export const costOfFailure = 500;

/** Hooks that wait for a later turn, of all streams: they share one event loop. */
const waitingHooks = new Set<() => void>();
/** `totalCost` at the beginning of the turn. */
let costAtTurnStart = 0;
let turnScheduled = false;
/** Cost of the work of this process outside of expressions. */
let otherCost = 0;

/** Counts work for a record outside of expressions. */
export function countCost(cost: number): void {
  otherCost += cost;
}

/**
 * Open while another record may be started in this turn. Hooks are called in order, in each later turn until the cost of that
 * turn is spent. If a hook throws, `guard` handles it, and the other hooks are called.
 */
export class TurnGate implements Gate {
  readonly #guarded: (hook: () => void) => () => void;

  constructor(guard: Guard) {
    this.#guarded = guardedOnce(guard);
  }

  get open(): boolean {
    return hasCostLeft();
  }

  whenOpen(hook: () => void): void {
    waitingHooks.add(this.#guarded(hook));
    scheduleTurn();
  }
}

/** Resolves in the turn in which work may go on; undefined if work may go on now. */
export function workTurn(): Promise<void> | undefined {
  if (hasCostLeft()) return undefined;
  return new Promise((resolve) => {
    waitingHooks.add(resolve);
    scheduleTurn();
  });
}

function hasCostLeft(): boolean {
  return totalCost() - costAtTurnStart <= costPerTurn;
}

function totalCost(): number {
  return stepsTaken() + otherCost;
}

function scheduleTurn(): void {
  if (turnScheduled) return;
  turnScheduled = true;
  // Not a timer of 0 ms, which takes 1 ms. Node.js reads what has arrived for other requests before it runs an immediate.
  inLaterTurn(beginTurn);
}

function beginTurn(): void {
  turnScheduled = false;
  costAtTurnStart = totalCost();
  try {
    for (const hook of waitingHooks) {
      waitingHooks.delete(hook);
      hook();
      if (!hasCostLeft()) break;
    }
  } finally {
    if (waitingHooks.size > 0) scheduleTurn();
  }
}
