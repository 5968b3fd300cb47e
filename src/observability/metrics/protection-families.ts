import type { Registry } from 'prom-client';
import { breakerStateNames } from '../../core/observer/observer.ts';
import type { LookupCounts } from './counts/lookup-counts.ts';
import { publishCounter, publishGauge, type Sample } from './published.ts';

/** The metrics of the layers that protect the far end of a lookup from calls, and of the access tokens of its calls. */
export function publishProtection(registry: Registry, lookups: ReadonlyMap<string, LookupCounts>): void {
  publishGauge(
    registry,
    {
      name: 'millrace_breaker_state',
      help: '1 for the state in which the circuit breaker is, 0 for the other states.',
      labelNames: ['lookup', 'state'],
    },
    () => breakerStates(lookups),
  );
  const figure = (layer: string, name: string) => (): Iterable<Sample<number>> => figures(lookups, layer, name);
  publishGauge(
    registry,
    {
      name: 'millrace_lookup_concurrency_limit',
      help: 'Calls that may run at the same time (concurrency).',
      labelNames: ['lookup'],
    },
    figure('concurrency', 'limit'),
  );
  publishGauge(
    registry,
    {
      name: 'millrace_lookup_concurrency_min',
      help: 'The lowest value that an adaptive limit may have (adaptive.min).',
      labelNames: ['lookup'],
    },
    figure('concurrency', 'min'),
  );
  publishGauge(
    registry,
    {
      name: 'millrace_lookup_round_trip_seconds',
      help: 'The round trip of a call that an adaptive limit has measured, smoothed.',
      labelNames: ['lookup'],
    },
    function* read() {
      for (const [labels, ms] of figures(lookups, 'concurrency', 'roundTripMs')) yield [labels, ms / 1000];
    },
  );
  publishCounter(
    registry,
    {
      name: 'millrace_lookup_concurrency_changes_total',
      help: 'Changes of an adaptive limit, by reason.',
      labelNames: ['lookup', 'reason'],
    },
    function* read() {
      for (const reason of ['growth', 'queueing', 'failures', 'measuring']) {
        for (const [labels, count] of figures(lookups, 'concurrency', reason)) yield [{ ...labels, reason }, count];
      }
    },
  );
  publishCounter(
    registry,
    {
      name: 'millrace_lookup_hedges_total',
      help: 'Second calls that were made because the first one took long (hedge).',
      labelNames: ['lookup'],
    },
    figure('hedge', 'made'),
  );
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
  publishTokens(registry, lookups);
}

function publishTokens(registry: Registry, lookups: ReadonlyMap<string, LookupCounts>): void {
  publishCounter(
    registry,
    {
      name: 'millrace_lookup_token_requests_total',
      help: 'Requests for an access token (auth.oauth2) that have ended, by outcome.',
      labelNames: ['lookup', 'outcome'],
    },
    function* read() {
      for (const outcome of ['ok', 'unreachable', 'timeout', 'bad_status', 'bad_response']) {
        for (const [labels, count] of figures(lookups, 'oauth2', outcome)) yield [{ ...labels, outcome }, count];
      }
    },
  );
  publishCounter(
    registry,
    {
      name: 'millrace_lookup_tokens_refused_total',
      help: 'Access tokens that were dropped before they expired, because a call was answered with 401.',
      labelNames: ['lookup'],
    },
    () => figures(lookups, 'oauth2', 'refused'),
  );
  publishGauge(
    registry,
    {
      name: 'millrace_lookup_token_expiry_timestamp_seconds',
      help: 'When the access token in use expires, in seconds since 1970; absent without a token, or if its server does not say it.',
      labelNames: ['lookup'],
    },
    () => figures(lookups, 'oauth2', 'expiresAt'),
  );
}

/** During a reload two configurations may have the breaker open, in different states: both states are 1. */
function* breakerStates(lookups: ReadonlyMap<string, LookupCounts>): Iterable<Sample<number>> {
  for (const [lookup, counts] of lookups) {
    const breaker = counts.layers()['breaker'];
    if (breaker === undefined) continue;
    for (const state of breakerStateNames) yield [{ lookup, state }, Math.min(1, breaker[state] ?? 0)];
  }
}

function* figures(lookups: ReadonlyMap<string, LookupCounts>, layer: string, name: string): Iterable<Sample<number>> {
  for (const [lookup, counts] of lookups) {
    const value = counts.layers()[layer]?.[name];
    if (value !== undefined) yield [{ lookup }, value];
  }
}
