import { recordErrors } from '../../core/errors.ts';
import { contentCodings, duplexes, handshakeFailures, spoolRefusals } from '../../core/vocabulary.ts';
import { accessCodes, problemResponses } from './openapi-problems.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import { backpressureReasons, recordOutcomes } from '../../core/observer/observer.ts';
import { refusalReasons } from '../../core/observer/refusals.ts';
import {
  byName,
  count,
  counts,
  described,
  duration,
  number,
  object,
  recent,
  text,
  type Schema,
} from './openapi-figures.ts';
import { LookupState } from './openapi-lookups.ts';

const gauges = {
  capacity: described(count, 'The number of slots.'),
  inFlight: described(count, 'Records with a lookup under way.'),
  retryWaiting: described(count, 'Records that wait for a retry.'),
  completedWaiting: described(count, 'Complete records that wait to be written.'),
};

const coding = { type: 'string', enum: ['identity', ...contentCodings] };

const anyRequest = {
  number: described(count, 'Requests of the listener up to this one, itself included, since the service started.'),
  id: described(text, 'The `X-Request-Id` of the request.'),
  pipeline: text,
  mode: described(text, '`ordered`, `unordered`, `keyed`; `record` for one record as `application/json`; `explain`.'),
  client: described(
    { type: ['string', 'null'] },
    'Address and port of the other end of the connection, which may be a proxy.',
  ),
  http: described({ type: 'string', enum: ['1.0', '1.1', '2'] }, 'The version of HTTP of the request.'),
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
    receivedBytes: described(count, 'Bytes of the body that were read, decoded.'),
    sentBytes: described(count, 'Bytes that were written, before they are compressed.'),
    requestCoding: described(coding, 'The coding of the body.'),
    responseCoding: described(coding, 'The coding of the response.'),
    duplex: described(
      { type: 'string', enum: [...duplexes] },
      'Whether the client reads while it sends. `auto` becomes `half` when it is found that it does not.',
    ),
    spoolBytes: described(count, 'Bytes of output that wait for the client in the spool.'),
    spooledBytes: described(count, 'Bytes of output that had to wait there, since the stream began.'),
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
  spool: object(
    {
      streams: described(count, 'Streams whose client may read only after it has sent everything.'),
      bytes: described(
        count,
        'Bytes of output that wait for these clients, in memory and in files. A file counts whole until all of it was sent.',
      ),
      diskBytes: described(count, 'The part of `bytes` that is in files.'),
      limitBytes: described(count, 'The bound of `bytes` (`limits.spoolTotalBytes`).'),
      spooledBytes: described(count, 'Bytes that had to wait, since the start of the service.'),
      refused: counts(spoolRefusals, 'Streams that were cut because their output could not be kept, by reason.'),
    },
    'Output that its clients do not read yet.',
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
  refused: counts(
    refusalReasons,
    'Requests that were refused by their head or by a limit of streams or records, by code, since the start of the service.',
  ),
  tls: {
    ...object({
      notAfterMs: object(
        { cert: count, clientCa: { type: ['number', 'null'] } },
        'When the files in force expire, in milliseconds since 1970: `cert` with its first certificate to expire, `clientCa` with its last one.',
      ),
      failedHandshakes: object(
        Object.fromEntries(handshakeFailures.map((reason) => [reason, count])),
        'Handshakes with clients that failed, since the start of the service, by reason.',
      ),
    }),
    type: ['object', 'null'],
    description: 'Null without `server.tls`.',
  },
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

function get(operationId: string, summary: string, responses: object, more: object = {}): object {
  return { servers, get: { operationId, tags: ['admin'], summary, ...more, responses } };
}

const json = (description: string, schema: object): object => ({
  description,
  content: { 'application/json': { schema } },
});

const needsNoToken = { security: [] };

const adminCodes = [...accessCodes, 'certificate_required'] as const;

/** The routes of the admin listener. It is another server than the one that serves this document. */
export const adminPaths: Readonly<Record<string, object>> = {
  '/livez': get('live', 'Whether the process is alive', { '200': json('The process is alive.', health) }, needsNoToken),
  '/readyz': get(
    'ready',
    'Whether the service takes streams',
    {
      '200': json('The service takes streams.', health),
      '503': json(
        'The service drains; `streams` is the number of open streams.',
        object({ status: text, streams: count }),
      ),
    },
    needsNoToken,
  ),
  '/metrics': get('metrics', 'Metrics in the text format of Prometheus', {
    '200': { description: 'See docs/metrics.md.', content: { 'text/plain': { schema: text } } },
    ...problemResponses(adminCodes),
  }),
  '/state': get('state', 'Open streams, pipelines, lookups and the last errors', {
    '200': json('The state of this moment.', { $ref: '#/components/schemas/State' }),
    ...problemResponses(adminCodes),
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
        ...problemResponses([...adminCodes, 'method_not_allowed', 'draining']),
      },
    },
  },
};
