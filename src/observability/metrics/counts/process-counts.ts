import type { Registry } from 'prom-client';
import { publishCounter } from '../published.ts';

/** How an error reached the process: thrown in a callback, or as a rejection without a handler. */
const uncaughtOrigins = ['exception', 'rejection'] as const;
export type UncaughtOrigin = (typeof uncaughtOrigins)[number];

/** The code that threw an error, as far as the stack shows it. */
const uncaughtSources = ['millrace', 'module', 'unknown'] as const;
export type UncaughtSource = (typeof uncaughtSources)[number];

/** The counts of the process itself; read at each scrape. */
export interface ProcessCounts {
  lostLogLines(): number;
  uncaughtErrors(origin: UncaughtOrigin, source: UncaughtSource): number;
}

export const noProcessCounts: ProcessCounts = { lostLogLines: () => 0, uncaughtErrors: () => 0 };

export function publishProcess(registry: Registry, counts: ProcessCounts): void {
  publishCounter(
    registry,
    {
      name: 'millrace_log_lines_lost_total',
      help: 'Lines of the log that could not be written.',
      labelNames: [],
    },
    () => [[{}, counts.lostLogLines()]],
  );
  publishCounter(
    registry,
    {
      name: 'millrace_uncaught_errors_total',
      help: 'Errors that no code caught; the service goes on.',
      labelNames: ['origin', 'source'],
    },
    () =>
      uncaughtOrigins.flatMap((origin) =>
        uncaughtSources.map((source) => [{ origin, source }, counts.uncaughtErrors(origin, source)] as const),
      ),
  );
}
