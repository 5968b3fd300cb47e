import type { Registry } from 'prom-client';
import type { LookupCounts } from './counts/lookup-counts.ts';
import { publishCounter, publishGauge, type Sample } from './published.ts';

/** The metrics of the layers that protect the far end of a lookup from calls. */
export function publishProtection(registry: Registry, lookups: ReadonlyMap<string, LookupCounts>): void {
  const figure = (layer: string, name: string) => (): Iterable<Sample<number>> => figures(lookups, layer, name);
  publishGauge(
    registry,
    {
      name: 'millrace_lookup_rate_limit',
      help: 'Calls that may begin in a second (rateLimit).',
      labelNames: ['lookup'],
    },
    figure('rateLimit', 'perSecond'),
  );
  publishCounter(
    registry,
    {
      name: 'millrace_lookup_pauses_total',
      help: 'Pauses of all calls after an answer of 429 with Retry-After.',
      labelNames: ['lookup'],
    },
    figure('pause', 'pauses'),
  );
  publishGauge(
    registry,
    {
      name: 'millrace_lookup_paused',
      help: '1 while all calls wait because of an answer of 429 with Retry-After.',
      labelNames: ['lookup'],
    },
    figure('pause', 'paused'),
  );
}

function* figures(lookups: ReadonlyMap<string, LookupCounts>, layer: string, name: string): Iterable<Sample<number>> {
  for (const [lookup, counts] of lookups) {
    const value = counts.layers()[layer]?.[name];
    if (value !== undefined) yield [{ lookup }, value];
  }
}
