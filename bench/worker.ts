import type { Figures } from './figures.ts';
import type { Order } from './processes.ts';

/** The other end of `startWorker`: sends that it is ready, then runs each order that it receives. */
export function work(run: (order: Order) => Promise<Figures> | Figures, ready: Figures = {}): void {
  process.on('message', (order: Order) => {
    void answer(run, order);
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.(ready);
}

async function answer(run: (order: Order) => Promise<Figures> | Figures, order: Order): Promise<void> {
  try {
    process.send?.(await run(order));
  } catch (error) {
    process.send?.(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

export function numberOf(order: Order, name: string): number {
  const value = order[name];
  if (typeof value !== 'number') throw new TypeError(`${name} is missing`);
  return value;
}

export function textOf(order: Order, name: string): string {
  const value = order[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is missing`);
  return value;
}
