import { callOutcomes } from '../../core/observer/observer.ts';
import { count, counts, described, duration, number, object, recent, type Schema } from './openapi-figures.ts';

/** Members that only some lookups have. */
const someLookups = {
  coalesce: counts(
    ['coalesced', 'open'],
    'Requests that shared the call of an equal one, and calls under way now that others may share (`open`). Absent with `coalesce: false` and for a table.',
  ),
  breaker: {
    ...object(
      { closed: count, open: count, half_open: count, opened: count },
      'The circuit breaker. Absent without one.',
    ),
    properties: {
      closed: described(count, '1 in this state, else 0.'),
      open: described(count, '1 in this state, else 0.'),
      half_open: described(count, '1 in this state, else 0.'),
      opened: described(count, 'How often it has opened since the start of the service.'),
      openMs: described(number, 'Milliseconds until the lookup is tried again, while it is open.'),
    },
  },
  rateLimit: object(
    {
      perSecond: described(number, 'Calls that may begin in a second.'),
      burst: described(count, 'Calls that may begin at the same time.'),
    },
    'Absent without a rate limit.',
  ),
  pause: {
    ...object(
      { pauses: count, paused: count },
      'Pauses of all calls after an answer of 429 with `Retry-After`. Absent if the lookup is not `http`.',
    ),
    properties: {
      pauses: described(count, 'Pauses since the start of the service.'),
      paused: described(count, '1 while all calls wait, else 0.'),
      pausedMs: described(number, 'Milliseconds until the pause ends, while calls wait.'),
    },
  },
  oauth2: {
    ...object(
      { ok: count, unreachable: count, timeout: count, bad_status: count, bad_response: count, refused: count },
      'Requests for an access token by outcome, and tokens that were dropped after a 401 (`refused`). Absent without `auth.oauth2`.',
    ),
    properties: {
      ok: count,
      unreachable: count,
      timeout: count,
      bad_status: count,
      bad_response: count,
      refused: count,
      expiresAt: described(count, 'When the token expires, in seconds since 1970. Absent if that is not known.'),
    },
  },
  hedge: {
    ...object({ made: count, won: count }, 'Absent if the lookup has no `hedge`.'),
    properties: {
      made: described(count, 'Second calls that were made.'),
      won: described(count, 'Second calls that were answered first.'),
      p95Ms: described(number, 'The time after which a second call is made, with `after: p95`.'),
    },
  },
  concurrency: {
    ...object({ limit: count, running: count }, 'Absent if the lookup has no `concurrency`.'),
    properties: {
      limit: described(count, 'Calls that may run at the same time.'),
      running: described(count, 'Calls that run now.'),
      min: described(count, 'The lowest limit. This member and the next ones are those of an adaptive limit.'),
      roundTripMs: described(number, 'The smoothed round trip.'),
      unloadedMs: described(number, 'The round trip without a queue, as measured last.'),
      growth: described(count, 'Times that the limit grew.'),
      queueing: described(count, 'Times that it fell because calls waited in the queue of the other system.'),
      failures: described(count, 'Times that it fell because of failures.'),
      measuring: described(count, 'Times that it was lowered to measure the round trip.'),
    },
  },
  batch: counts(
    ['batches', 'requests', 'splits', 'gathering', 'inFlight'],
    'Batches sent, their requests, and batches that were refused and split; requests that wait for their batch to be sent (`gathering`), and batches under way (`inFlight`). Absent without a batch.',
  ),
  cache: counts(
    ['hit', 'negative', 'stale', 'miss', 'late', 'refused', 'entries', 'bytes', 'evictions'],
    'Requests by the state of the cache, answers that came after their record had left (`late`), answers that were not stored because of their header (`refused`), answers that it holds now (`entries`) and their memory (`bytes`), and answers removed to make room (`evictions`). Absent without a cache.',
  ),
  table: object(
    {
      rows: described(count, 'Rows in memory.'),
      reloads: counts(['ok', 'failed'], 'Attempts to read the file again, by result.'),
      current: described({ type: 'boolean' }, 'False if the last reload has failed.'),
    },
    'Absent if the lookup is no table.',
  ),
};

const everyLookup = {
  inFlight: described(count, 'Calls under way on a connection.'),
  queued: described(count, 'Calls that wait for their turn.'),
  connections: described(count, 'Connections that are open.'),
  calls: counts(callOutcomes, 'Calls that have ended, by outcome.'),
  errors: described(count, 'Failed calls: all outcomes except `ok`, `miss` and `cancelled`.'),
  retries: described(count, 'Calls after the first one of their record.'),
  duration: duration('The time of a call.'),
  recent: recent(['calls', 'errors', 'retries'], 'the duration of a call'),
};

export const LookupState: Schema = { ...object(everyLookup), properties: { ...everyLookup, ...someLookups } };
