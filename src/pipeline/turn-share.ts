import { stepsTaken } from '../cel/expression.ts';
import { systemClock } from '../core/time.ts';

/**
 * Steps of expressions after which no more records are started in a turn of the event loop. One evaluation is bounded,
 * but a chunk of the body can hold a hundred records, and a hundred streams can have one each.
 */
const stepsPerTurn = 500_000;

/** There is one event loop, and all streams share it. */
const waiting = new Set<() => void>();
let turnBegan = 0;
let timed = false;

/**
 * Whether another record may be started in this turn. If not, `goOn` is called in a later one: those that wait are
 * called in the order in which they came, each turn as many as there are steps for.
 */
export function mayStart(goOn: () => void): boolean {
  if (hasSteps()) return true;
  waiting.add(goOn);
  awaitTurn();
  return false;
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
  return stepsTaken() - turnBegan <= stepsPerTurn;
}

function awaitTurn(): void {
  if (timed) return;
  timed = true;
  systemClock.setTimer(0, takeTurn);
}

function takeTurn(): void {
  timed = false;
  turnBegan = stepsTaken();
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
