import { recordErrors } from '../../core/errors.ts';
import { problemResponses } from './openapi-problems.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import { backpressureReasons, callOutcomes, recordOutcomes } from '../../core/observer/observer.ts';

/** The routes of the admin listener, which is another server than the one that serves this document. */
type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const count: Schema = { type: 'integer', minimum: 0 };
const number: Schema = { type: 'number' };
const perhapsMs: Schema = { type: ['number', 'null'], description: 'Milliseconds.', minimum: 0 };
const perSecond: Schema = { type: 'number', description: 'A second, over `windowMs`.', minimum: 0 };

function told(schema: Schema, description: string): Schema {
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
  object({ count, meanMs: perhapsMs, p50Ms: perhapsMs, p99Ms: perhapsMs }, `${description} Since the start.`);

const recent = (rates: readonly string[], of: string): Schema =>
  object(
    {
      windowMs: told(count, 'What the figures cover: the milliseconds up to now.'),
      ...Object.fromEntries(rates.map((name) => [`${name}PerSecond`, perSecond])),
      p50Ms: perhapsMs,
      p99Ms: perhapsMs,
    },
    `Of the last seconds. The quantiles are those of ${of}; null where there was none.`,
  );

const gauges = {
  capacity: told(count, 'Slots.'),
  inFlight: told(count, 'Records that are being looked up.'),
  retryWaiting: told(count, 'Records that wait to be tried again.'),
  completedWaiting: told(count, 'Records that are complete and wait to be written.'),
};

const anyRequest = {
  id: told(text, 'Its `X-Request-Id`.'),
  pipeline: text,
  mode: told(text, '`ordered`, `unordered`, `keyed`; `record` for one record as `application/json`; `explain`.'),
  client: told({ type: ['string', 'null'] }, 'Address and port of the other end of the connection, perhaps a proxy.'),
  ageMs: told(count, 'Milliseconds since its head was read.'),
  heldBytes: told(count, 'Bytes of memory that are counted for it, of those that `limits.memory` bounds.'),
  backpressure: told(
    { type: 'string', enum: ['none', ...backpressureReasons] },
    'Why its body is not read at this moment.',
  ),
};

const LiveStream: Schema = {
  ...object(anyRequest),
  properties: {
    ...anyRequest,
    read: told(count, 'Records read. This and what follows is absent if the mode is `record` or `explain`.'),
    written: told(count, 'Lines written.'),
    errors: told(count, 'Records that failed.'),
    misses: told(count, 'Records for which a lookup had no answer.'),
    dropped: told(count, 'Records that left without a line.'),
    receivedBytes: count,
    sentBytes: count,
    ...gauges,
  },
};

const PipelineState = object({
  streams: byName(count, 'Streams that are open, by mode.'),
  ...gauges,
  recordsIn: count,
  recordsOut: counts(recordOutcomes, 'By how they left.'),
  errors: {
    ...byName(count, 'Records that failed, by code; those codes that came up.'),
    propertyNames: { enum: Object.keys(recordErrors) },
  },
  receivedBytes: count,
  sentBytes: count,
  recordDuration: duration('Of a record, from admission to emission.'),
  reorderWait: duration('Of a record, from completion to emission.'),
  backpressureMs: object(
    Object.fromEntries(backpressureReasons.map((name) => [name, number])),
    'Milliseconds in which a body was not read, by reason.',
  ),
  lateCompletions: count,
  recent: recent(['recordsIn', 'recordsOut', 'errors'], 'the duration of a record'),
});

/** Members that only some lookups have. */
const cacheAndTable = {
  cache: counts(
    ['hit', 'negative', 'stale', 'miss', 'entries', 'evictions'],
    'Requests by what the cache knew, answers held now, and those that made room. Absent without a cache.',
  ),
  table: object(
    {
      rows: told(count, 'Rows held.'),
      reloads: counts(['ok', 'failed'], 'Attempts to read the file again.'),
      current: told({ type: 'boolean' }, 'False while the last of them has failed.'),
    },
    'Absent where the lookup is no table.',
  ),
};

const everyLookup = {
  inFlight: told(count, 'Calls under way on a connection.'),
  queued: told(count, 'Calls that wait for a connection.'),
  connections: told(count, 'Connections that are open.'),
  calls: counts(callOutcomes, 'Calls that have ended, by outcome.'),
  errors: told(count, 'Of these, those that failed: all but `ok`, `miss` and `cancelled`.'),
  retries: told(count, 'Calls that were not the first for their record.'),
  duration: duration('Of a call.'),
  recent: recent(['calls', 'errors', 'retries'], 'the duration of a call'),
};

const LookupState: Schema = { ...object(everyLookup), properties: { ...everyLookup, ...cacheAndTable } };

const SeenError = object({
  at: told({ type: 'string', format: 'date-time' }, 'When it was last seen.'),
  ageMs: told(count, 'Milliseconds since then.'),
  firstAt: told({ type: 'string', format: 'date-time' }, 'When it was first seen.'),
  count: told({ type: 'integer', minimum: 1 }, 'How often it was seen.'),
  pipeline: text,
  lookup: { type: ['string', 'null'] },
  code: { $ref: '#/components/schemas/RecordErrorCode' },
  message: told(text, 'With secrets of the configuration as `***`; the first 500 characters.'),
  status: told({ type: ['integer', 'null'] }, 'HTTP status of the last answer.'),
});

const State = object({
  version: text,
  uptimeMs: told(count, 'Milliseconds since the service started.'),
  draining: { type: 'boolean' },
  memory: object(
    {
      heldBytes: told(count, 'Bytes of lines, answers and output that are held.'),
      limitBytes: told(count, 'Above it no body is read (`limits.memory`).'),
      waiting: told(count, 'Requests whose body waits for memory.'),
    },
    'What all requests share.',
  ),
  requests: object(
    { stream: count, record: count, explain: count },
    'Requests that hold memory, by kind; `limits.streams` bounds their sum.',
  ),
  connections: object(
    {
      open: count,
      idle: told(count, 'Of these, those without a response under way.'),
      limit: told(count, '`limits.connections`.'),
      closedIdle: told(count, 'Idle ones that were closed to make room for others, since the start.'),
      refused: told(count, 'Those that found no room, since the start.'),
    },
    'Connections of clients.',
  ),
  streams: told({ type: 'array', items: { $ref: '#/components/schemas/LiveStream' } }, 'Requests being answered.'),
  pipelines: byName({ $ref: '#/components/schemas/PipelineState' }, 'By name.'),
  lookups: byName({ $ref: '#/components/schemas/LookupState' }, 'By name.'),
  errors: told(
    { type: 'array', maxItems: 50, items: { $ref: '#/components/schemas/SeenError' } },
    'The last errors of records, each different one once, the newest first.',
  ),
});

const Reloaded = object({
  reloaded: { type: 'boolean', enum: [true] },
  pipelines: told({ type: 'array', items: text }, 'Those that there are now.'),
  restart: told(
    { type: 'array', items: text },
    'Keys of `server` or `tracing` that have changed, and whose values at the start hold until a restart.',
  ),
});

const perhapsText: Schema = { type: ['string', 'null'] };
const perhapsPlace: Schema = { type: ['integer', 'null'], minimum: 1 };

const Mistake = object({
  file: told(text, 'The file, or the environment variable or flag that the value comes from.'),
  line: told(perhapsPlace, 'From 1; null if the value does not come from the file.'),
  column: told(perhapsPlace, 'In characters, from 1.'),
  path: told(text, 'Place of the key, such as `pipelines.flights.enrich[0].into`; empty for the whole file.'),
  message: text,
  nearest: told(perhapsText, 'The name that was probably meant.'),
});

const mistakes = told(
  { type: 'array', items: { $ref: '#/components/schemas/Mistake' } },
  'All that is wrong with the configuration; empty if a lookup could not be opened, which `detail` names.',
);

const refused = {
  description: '`configuration_refused`: the configuration in force stays. `mistakes` has all that is wrong.',
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

/** Paths of the OpenAPI document. */
export const adminPaths: Readonly<Record<string, object>> = {
  '/livez': get('live', 'Whether the process lives', { '200': json('It does.', health) }),
  '/readyz': get('ready', 'Whether streams are taken', {
    '200': json('They are.', health),
    '503': json('The service drains: `streams` is how many are still open.', object({ status: text, streams: count })),
  }),
  '/metrics': get('metrics', 'Metrics in the text format of Prometheus', {
    '200': { description: 'See docs/metrics.md.', content: { 'text/plain': { schema: text } } },
  }),
  '/state': get('state', 'Open streams, pipelines, lookups and the last errors', {
    '200': json('As they are now.', { $ref: '#/components/schemas/State' }),
  }),
  '/reload': {
    servers,
    post: {
      operationId: 'reload',
      tags: ['admin'],
      summary: 'Read the configuration anew',
      description: 'Answered when the new configuration is in force, or refused. A body is ignored.',
      responses: {
        '200': json('It is in force.', { $ref: '#/components/schemas/Reloaded' }),
        '422': refused,
        ...problemResponses(['web_page', 'method_not_allowed', 'draining']),
      },
    },
  },
};
