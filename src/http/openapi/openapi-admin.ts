import { recordErrors } from '../../core/errors.ts';
import { problemResponses } from './openapi-problems.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import { backpressureReasons, callOutcomes, recordOutcomes } from '../../core/observer/observer.ts';

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const count: Schema = { type: 'integer', minimum: 0 };
const number: Schema = { type: 'number' };
const nullableMs: Schema = { type: ['number', 'null'], description: 'Milliseconds.', minimum: 0 };
const perSecond: Schema = { type: 'number', description: 'Per second, over `windowMs`.', minimum: 0 };

function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** An object with all of these members. */
function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  const required = Object.keys(properties);
  return { type: 'object', ...(description !== undefined && { description }), required, properties };
}

function counts(names: readonly string[], description: string): Schema {
  return object(Object.fromEntries(names.map((name) => [name, count])), description);
}

function byName(schema: Schema, description: string): Schema {
  return { type: 'object', description, additionalProperties: schema };
}

const duration = (description: string): Schema =>
  object(
    { count, meanMs: nullableMs, p50Ms: nullableMs, p99Ms: nullableMs },
    `${description} Since the start of the service.`,
  );

const recent = (rates: readonly string[], of: string): Schema =>
  object(
    {
      windowMs: described(count, 'The period of these figures: this many milliseconds, up to now.'),
      ...Object.fromEntries(rates.map((name) => [`${name}PerSecond`, perSecond])),
      p50Ms: nullableMs,
      p99Ms: nullableMs,
    },
    `The last seconds. The quantiles are those of ${of}; null if there was none.`,
  );

const gauges = {
  capacity: described(count, 'The number of slots.'),
  inFlight: described(count, 'Records with a lookup under way.'),
  retryWaiting: described(count, 'Records that wait for a retry.'),
  completedWaiting: described(count, 'Complete records that wait to be written.'),
};

const anyRequest = {
  id: described(text, 'The `X-Request-Id` of the request.'),
  pipeline: text,
  mode: described(text, '`ordered`, `unordered`, `keyed`; `record` for one record as `application/json`; `explain`.'),
  client: described(
    { type: ['string', 'null'] },
    'Address and port of the other end of the connection, which may be a proxy.',
  ),
  ageMs: described(count, 'Milliseconds since the head of the request was read.'),
  heldBytes: described(count, 'Bytes of memory that are counted for this request; `limits.memory` bounds the sum.'),
  backpressure: described({ type: 'string', enum: ['none', ...backpressureReasons] }, 'Why the body is not read now.'),
};

const LiveStream: Schema = {
  ...object(anyRequest),
  properties: {
    ...anyRequest,
    read: described(
      count,
      'Records read. This member and the next ones are absent if the mode is `record` or `explain`.',
    ),
    written: described(count, 'Lines written.'),
    errors: described(count, 'Records that failed.'),
    misses: described(count, 'Records for which a lookup had no answer.'),
    dropped: described(count, 'Records that went out without a line.'),
    receivedBytes: count,
    sentBytes: count,
    ...gauges,
  },
};

const PipelineState = object({
  streams: byName(count, 'Streams that are open, by mode.'),
  ...gauges,
  recordsIn: count,
  recordsOut: counts(recordOutcomes, 'Records by outcome.'),
  errors: {
    ...byName(count, 'Failed records by code; codes without a failure are absent.'),
    propertyNames: { enum: Object.keys(recordErrors) },
  },
  receivedBytes: count,
  sentBytes: count,
  recordDuration: duration('The time of a record from admission to emission.'),
  reorderWait: duration('The time of a record from completion to emission.'),
  backpressureMs: object(
    Object.fromEntries(backpressureReasons.map((name) => [name, number])),
    'Milliseconds in which bodies were not read, by reason.',
  ),
  lateCompletions: count,
  recent: recent(['recordsIn', 'recordsOut', 'errors'], 'the duration of a record'),
});

/** Members that only some lookups have. */
const someLookups = {
  breaker: object(
    {
      closed: described(count, '1 in this state, else 0.'),
      open: described(count, '1 in this state, else 0.'),
      half_open: described(count, '1 in this state, else 0.'),
      opened: described(count, 'How often it has opened since the start of the service.'),
    },
    'The circuit breaker. Absent without one.',
  ),
  rateLimit: object(
    {
      perSecond: described(number, 'Calls that may begin in a second.'),
      burst: described(count, 'Calls that may begin at the same time.'),
    },
    'Absent without a rate limit.',
  ),
  pause: object(
    {
      pauses: described(count, 'Pauses since the start of the service.'),
      paused: described(count, '1 while all calls wait, else 0.'),
    },
    'Pauses of all calls after an answer of 429 with `Retry-After`. Absent if the lookup is not `http`.',
  ),
  concurrency: object(
    {
      limit: described(count, 'Calls that may run at the same time.'),
      running: described(count, 'Calls that run now.'),
    },
    'Absent if the lookup has no `concurrency`.',
  ),
  cache: counts(
    ['hit', 'negative', 'stale', 'miss', 'entries', 'evictions'],
    'Requests by the state of the cache, answers that it holds now (`entries`), and answers removed to make room (`evictions`). Absent without a cache.',
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

const LookupState: Schema = { ...object(everyLookup), properties: { ...everyLookup, ...someLookups } };

const SeenError = object({
  at: described({ type: 'string', format: 'date-time' }, 'When the error was last seen.'),
  ageMs: described(count, 'Milliseconds since `at`.'),
  firstAt: described({ type: 'string', format: 'date-time' }, 'When the error was first seen.'),
  count: described({ type: 'integer', minimum: 1 }, 'How often the error was seen.'),
  pipeline: text,
  lookup: { type: ['string', 'null'] },
  code: { $ref: '#/components/schemas/RecordErrorCode' },
  message: described(text, 'The first 500 characters; secrets of the configuration are `***`.'),
  status: described({ type: ['integer', 'null'] }, 'HTTP status of the last answer; null without one.'),
});

const State = object({
  version: text,
  uptimeMs: described(count, 'Milliseconds since the service started.'),
  draining: { type: 'boolean' },
  memory: object(
    {
      heldBytes: described(count, 'Bytes of lines, answers and output in memory.'),
      limitBytes: described(count, 'The bound of `heldBytes` (`limits.memory`): above it no body is read.'),
      waiting: described(count, 'Requests whose body waits for memory.'),
    },
    'The memory that all requests share.',
  ),
  requests: object(
    { stream: count, record: count, explain: count },
    'Requests that hold memory, by kind; `limits.streams` bounds their sum.',
  ),
  connections: object(
    {
      open: count,
      idle: described(count, 'Open connections without a response under way.'),
      limit: described(count, '`limits.connections`.'),
      closedIdle: described(
        count,
        'Idle connections that were closed to make room for others, since the start of the service.',
      ),
      refused: described(
        count,
        'Connections that were refused because there was no room, since the start of the service.',
      ),
    },
    'Connections of clients.',
  ),
  streams: described({ type: 'array', items: { $ref: '#/components/schemas/LiveStream' } }, 'Requests being answered.'),
  pipelines: byName({ $ref: '#/components/schemas/PipelineState' }, 'By name.'),
  lookups: byName({ $ref: '#/components/schemas/LookupState' }, 'By name.'),
  errors: described(
    { type: 'array', maxItems: 50, items: { $ref: '#/components/schemas/SeenError' } },
    'The last different errors of records, newest first.',
  ),
});

const Reloaded = object({
  reloaded: { type: 'boolean', enum: [true] },
  pipelines: described({ type: 'array', items: text }, 'The pipelines that are now in force.'),
  restart: described(
    { type: 'array', items: text },
    'Changed keys of `server` or `tracing` that apply only after a restart.',
  ),
});

const nullableText: Schema = { type: ['string', 'null'] };
const nullablePlace: Schema = { type: ['integer', 'null'], minimum: 1 };

const Mistake = object({
  file: described(text, 'The file, environment variable or flag that the value comes from.'),
  line: described(nullablePlace, 'Line in the file, from 1; null if the value does not come from a file.'),
  column: described(nullablePlace, 'Column in characters, from 1.'),
  path: described(text, 'Path of the key, such as `pipelines.flights.enrich[0].into`; empty for the whole file.'),
  message: text,
  nearest: described(nullableText, 'The existing name that is nearest to the wrong one; null if none is near.'),
});

const mistakes = described(
  { type: 'array', items: { $ref: '#/components/schemas/Mistake' } },
  'All mistakes in the configuration; empty if a lookup could not be opened, which `detail` names.',
);

const refused = {
  description: '`configuration_refused`: the configuration in force stays in force. `mistakes` lists all mistakes.',
  content: {
    [PROBLEM_TYPE]: {
      schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { type: 'object', properties: { mistakes } }] },
    },
  },
};

export const adminSchemas = { Reloaded, Mistake, State, LiveStream, PipelineState, LookupState, SeenError };

const health = object({ status: text });

const servers = [{ url: 'http://127.0.0.1:8081', description: 'The admin listener (`server.admin`).' }];

function get(operationId: string, summary: string, responses: object): object {
  return { servers, get: { operationId, tags: ['admin'], summary, responses } };
}

const json = (description: string, schema: object): object => ({
  description,
  content: { 'application/json': { schema } },
});

/** The routes of the admin listener. It is another server than the one that serves this document. */
export const adminPaths: Readonly<Record<string, object>> = {
  '/livez': get('live', 'Whether the process is alive', { '200': json('The process is alive.', health) }),
  '/readyz': get('ready', 'Whether the service takes streams', {
    '200': json('The service takes streams.', health),
    '503': json(
      'The service drains; `streams` is the number of open streams.',
      object({ status: text, streams: count }),
    ),
  }),
  '/metrics': get('metrics', 'Metrics in the text format of Prometheus', {
    '200': { description: 'See docs/metrics.md.', content: { 'text/plain': { schema: text } } },
  }),
  '/state': get('state', 'Open streams, pipelines, lookups and the last errors', {
    '200': json('The state of this moment.', { $ref: '#/components/schemas/State' }),
  }),
  '/reload': {
    servers,
    post: {
      operationId: 'reload',
      tags: ['admin'],
      summary: 'Read the configuration again',
      description: 'The answer comes when the new configuration is in force or refused. A body is ignored.',
      responses: {
        '200': json('The new configuration is in force.', { $ref: '#/components/schemas/Reloaded' }),
        '422': refused,
        ...problemResponses(['web_page', 'method_not_allowed', 'draining']),
      },
    },
  },
};
