import { once } from 'node:events';
import { type ClientRequest, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { configSchema } from '../../src/config/schema/schema.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../src/core/json/json.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import { listen } from '../http/start.ts';
import { Collector } from './collector.ts';
import { folderOf, serve } from './serving.ts';
import { loadedFrom, started } from './started.ts';

const traceId = '12345678901234567890123456789012';
const callerId = '1234567890123456';
const sampled = `00-${traceId}-${callerId}-01`;
const unsampled = `00-${traceId}-${callerId}-00`;

interface FarEnd {
  readonly url: string;
  readonly calls: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
}

/** Finds every key except `missing`; the first call for `flaky` fails. */
async function farEnd(): Promise<FarEnd> {
  const calls: FarEnd['calls'] = [];
  const server = createServer(({ url: path = '', headers }, response) => {
    const before = calls.filter((call) => call.path === path).length;
    calls.push({ path, headers });
    const status = path.includes('missing') ? 404 : path.includes('flaky') && before === 0 ? 503 : 200;
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"found":1}');
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, calls };
}

interface Traced {
  readonly url: string;
  /** Its log so far. */
  readonly log: () => string;
  /** Resolves when the log contains this. */
  readonly says: (pattern: RegExp) => Promise<unknown>;
  /** Stops the service as SIGTERM does. */
  readonly stop: () => Promise<unknown>;
}

const lookupOf = (far: FarEnd): object => ({
  http: { url: `${far.url}/things/{key}?token=s3cret` },
  retry: { attempts: 2, backoff: { initial: '1ms' } },
});
const enrichment = { mode: 'unordered', enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }] };

/** The whole service in this process, with this section `tracing`; stopped at the end of the test. */
async function traced(
  far: FarEnd,
  tracing?: object,
  { lookups = {}, steps = enrichment.enrich } = {},
): Promise<Traced> {
  const config = configSchema.parse({
    server: { port: 0, admin: { port: 0 }, drainTimeout: '1s' },
    lookups: { far: lookupOf(far), ...lookups },
    pipelines: { test: { ...enrichment, enrich: steps } },
    ...(tracing !== undefined && { tracing }),
  });
  let log = '';
  let changed: (() => void)[] = [];
  const write = (line: string): void => {
    log += line;
    for (const resolve of changed.splice(0)) resolve();
  };
  const secrets = new Secrets();
  const logger = createLogger({ level: 'info', destination: { write }, secrets });
  const service = await started(loadedFrom(config), { logger, secrets });
  return {
    url: service.url,
    log: () => log,
    async says(pattern) {
      while (!pattern.test(log)) await new Promise<void>((resolve) => changed.push(resolve));
    },
    stop: () => service.stop(),
  };
}

/** The same in a process of its own; `stop` gives its exit code. */
async function tracedProcess(far: FarEnd, tracing: object): Promise<Traced> {
  const config = { lookups: { far: lookupOf(far) }, pipelines: { test: enrichment }, tracing };
  const serving = await serve({ 'millrace.yaml': JSON.stringify(config) });
  return {
    url: serving.url,
    log: () => serving.stderr,
    says: (pattern) => serving.says(pattern),
    async stop() {
      serving.child.kill('SIGTERM');
      return (await serving.ended)[0];
    },
  };
}

async function enrich(
  { url }: Traced,
  keys: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const response = await fetch(`${url}/v1/enrich/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'x-request-id': 'r-1', ...headers },
    body: keys.map((key) => `${JSON.stringify({ key })}\n`).join(''),
  });
  return response.text();
}

/** The lines of its log with this message. */
function logged({ log }: Traced, message: string): readonly JsonObject[] {
  return log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => parseJson(line))
    .filter((line) => isJsonObject(line))
    .filter((line) => line['msg'] === message);
}

test('a stream is a server span, child of the caller; each attempt of its calls is a client span below it', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  const otlp = { url: await collector.listen(), headers: { 'x-team': 'blue' } };
  const service = await tracedProcess(far, { serviceName: 'flights', otlp });
  const answer = await enrich(service, ['a', 'missing', 'flaky'], { traceparent: sampled, tracestate: 'foo=1' });
  expect(await service.stop()).toBe(0);

  expect(collector.exports[0]?.path).toBe('/v1/traces');
  expect(collector.exports[0]?.headers).toMatchObject({ 'x-team': 'blue', 'content-type': 'application/json' });
  const [stream, ...more] = collector.named('POST /v1/enrich/test');
  expect(more).toEqual([]);
  expect(stream).toMatchObject({
    traceId,
    parentSpanId: callerId,
    traceState: 'foo=1',
    kind: 2,
    status: 0,
    resource: { 'service.name': 'flights', 'service.version': expect.stringMatching(/^\d/) },
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/v1/enrich/{pipeline}',
      'millrace.pipeline': 'test',
      'millrace.mode': 'unordered',
      'millrace.request_id': 'r-1',
      'millrace.outcome': 'completed',
      'millrace.records.read': 3,
      'millrace.records.written': 3,
      'millrace.records.errors': 0,
      'millrace.records.misses': 1,
      'millrace.records.dropped': 0,
      'millrace.bytes.received': 46,
      'millrace.bytes.sent': answer.length,
      'millrace.lookup_spans.omitted': 0,
    },
  });
  const calls = collector.named('GET /things/{key}');
  expect(calls).toHaveLength(4);
  for (const call of calls) {
    expect(call).toMatchObject({ traceId, parentSpanId: stream?.spanId, kind: 3 });
    expect(call.attributes).toMatchObject({
      'millrace.lookup': 'far',
      'http.request.method': 'GET',
      'url.template': '/things/{key}',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(far.url).port),
    });
    expect(call.durationMs).toBeGreaterThan(0);
  }
  expect(calls.filter(({ status }) => status === 2).map(({ attributes }) => attributes)).toEqual([
    expect.objectContaining({ 'error.type': 'bad_status', 'http.response.status_code': 503, 'millrace.attempt': 1 }),
  ]);
  expect(calls.filter(({ attributes }) => attributes['millrace.attempt'] === 2)).toEqual([
    expect.objectContaining({ attributes: expect.objectContaining({ 'http.request.resend_count': 1 }) }),
  ]);
  expect(calls.filter(({ attributes }) => attributes['millrace.found'] === false)).toHaveLength(1);
  // Each call carries the id of its own span, so that the other system can add its spans below.
  const carried = new Set(far.calls.map(({ headers }) => headers['traceparent']));
  expect(carried).toEqual(new Set(calls.map(({ spanId }) => `00-${traceId}-${spanId}-01`)));
  expect(new Set(far.calls.map(({ headers }) => headers['tracestate']))).toEqual(new Set(['foo=1']));
  expect(JSON.stringify(collector.spans)).not.toContain('s3cret');
});

test('a trace that is not sampled is passed on with the id of the stream, and none of it is recorded', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  const service = await traced(far, { otlp: { url: await collector.listen() } });
  await enrich(service, ['a', 'b'], { traceparent: unsampled, tracestate: 'foo=1' });
  await service.stop();
  const [line] = logged(service, 'stream completed');
  expect(line).toMatchObject({ trace_id: traceId, span_id: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(line?.['span_id']).not.toBe(callerId);
  const carried = far.calls.map(({ headers }) => [headers['traceparent'], headers['tracestate']]);
  expect(carried[0]).toEqual([expect.stringMatching(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`)), 'foo=1']);
  expect(carried[1]).toEqual(carried[0]);
  expect(line?.['span_id']).toBe(far.calls[0]?.headers['traceparent']?.toString().split('-')[2]);
  expect(collector.exports).toEqual([]);
});

test('sampleRatio decides for streams without a traceparent; the caller decides for all others', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  const service = await traced(far, { sampleRatio: 0, otlp: { url: await collector.listen() } });
  await enrich(service, ['a']);
  await enrich(service, ['b'], { traceparent: sampled });
  await enrich(service, ['c'], { traceparent: unsampled });
  await service.stop();
  expect(collector.named('POST /v1/enrich/test').map((span) => span.parentSpanId)).toEqual([callerId]);
  const own = far.calls.find(({ path }) => path.includes('/a'))?.headers['traceparent'];
  expect(own).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  expect(own).not.toContain(traceId);
});

test('OTEL_SERVICE_NAME overrides serviceName, and OTEL_RESOURCE_ATTRIBUTES adds attributes', async () => {
  vi.stubEnv('OTEL_SERVICE_NAME', 'from-environment');
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', 'k8s.pod.name=millrace-0,deployment.environment.name=test');
  onTestFinished(() => void vi.unstubAllEnvs());
  const [collector, far] = [new Collector(), await farEnd()];
  const service = await traced(far, { serviceName: 'from-file', otlp: { url: await collector.listen() } });
  await enrich(service, ['a']);
  await service.stop();
  expect(collector.spans[0]?.resource).toMatchObject({
    'service.name': 'from-environment',
    'k8s.pod.name': 'millrace-0',
    'deployment.environment.name': 'test',
  });
});

test('the first lookupSpans calls of a stream are spans; the others are counted and carry the id of the stream', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  const otlp = { url: `${await collector.listen()}/custom/path` };
  const service = await traced(far, { lookupSpans: 5, otlp });
  await enrich(
    service,
    Array.from({ length: 50 }, (_, n) => `k${n}`),
  );
  await service.stop();
  expect(collector.exports[0]?.path).toBe('/custom/path');
  const [stream] = collector.named('POST /v1/enrich/test');
  expect(stream?.parentSpanId).toBeUndefined();
  expect(stream?.attributes).toMatchObject({ 'millrace.lookup_spans.omitted': 45, 'millrace.records.read': 50 });
  expect(collector.named('GET /things/{key}')).toHaveLength(5);
  const parents = far.calls.filter(({ headers }) => headers['traceparent']?.includes(stream?.spanId ?? 'none'));
  expect(parents).toHaveLength(45);
});

test('a single record is a span as well, and has the reason if it fails', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  const service = await traced(far, { otlp: { url: await collector.listen() } });
  const single = { 'content-type': 'application/json' };
  await enrich(service, ['a'], single);
  await enrich(service, [''], single);
  await fetch(`${service.url}/v1/enrich/test`, { method: 'POST', headers: single, body: '' });
  await service.stop();
  const spans = collector.named('POST /v1/enrich/test');
  expect(
    spans.map(({ status, attributes }) => [status, attributes['millrace.outcome'], attributes['error.type']]),
  ).toEqual([
    [0, 'completed', undefined],
    [2, 'failed', 'missing_argument'],
    [2, 'failed', 'bad_body'],
  ]);
  expect(spans[0]?.attributes).toMatchObject({ 'millrace.mode': 'record', 'millrace.records.read': 1 });
  // A call that failed before it was sent has no span.
  expect(collector.named('GET /things/{key}')).toHaveLength(1);
});

test('a module has a span for each call, a table none; the span of a timed-out call says so', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  const folder = folderOf({
    'mine.mjs': 'export default ({ key }) => (key === "late" ? new Promise(() => {}) : [key]);',
    'rows.csv': 'key,name\na,x\n',
  });
  const lookups = {
    mine: { module: { file: join(folder, 'mine.mjs') }, timeout: '20ms' },
    rows: { table: { file: join(folder, 'rows.csv'), key: 'key' } },
  };
  const steps = ['mine', 'rows'].map((lookup) => ({ lookup, with: { key: '/key' }, into: `/${lookup}` }));
  const service = await traced(far, { otlp: { url: await collector.listen() } }, { lookups, steps });
  await enrich(service, ['a', 'late']);
  await service.stop();
  expect(collector.spans.map(({ name }) => name).toSorted()).toEqual(['POST /v1/enrich/test', 'mine', 'mine']);
  const calls = collector.named('mine').map(({ kind, status, attributes }) => [kind, status, attributes['error.type']]);
  expect(calls).toEqual([
    [3, 0, undefined],
    [3, 2, 'timeout'],
  ]);
});

test('the span of a stream says that the service cut it, or that its client left', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  const service = await traced(far, { otlp: { url: await collector.listen() } });
  const open = async (): Promise<ClientRequest> => {
    const sent = request(`${service.url}/v1/enrich/test`, { method: 'POST' });
    sent.on('error', () => {});
    sent.write('{"key":"a"}\n');
    const [response]: IncomingMessage[] = await once(sent, 'response');
    response?.on('error', () => {});
    if (response !== undefined) await once(response, 'data');
    return sent;
  };
  (await open()).destroy();
  await service.says(/client_aborted/);
  await open();
  await service.stop();
  const streams = collector.named('POST /v1/enrich/test');
  expect(streams.map(({ status, attributes }) => [status, attributes['millrace.outcome']])).toEqual([
    [0, 'client_aborted'],
    [2, 'drained'],
  ]);
});

test('without tracing the log has the trace id of the caller, or none if there is no traceparent; one line per stream', async () => {
  const far = await farEnd();
  const service = await traced(far);
  await enrich(
    service,
    Array.from({ length: 100 }, (_, n) => `k${n}`),
    { traceparent: sampled },
  );
  await enrich(service, ['a']);
  await service.stop();
  const [first, second, ...more] = logged(service, 'stream completed');
  expect(more).toEqual([]);
  expect(first).toMatchObject({ requestId: 'r-1', trace_id: traceId, read: 100 });
  expect(first).not.toHaveProperty('span_id');
  expect(second).not.toHaveProperty('trace_id');
  expect(
    service
      .log()
      .split('\n')
      .filter((line) => line.includes(traceId)),
  ).toHaveLength(1);
});

const failing = 'spans cannot be exported, and are lost until an export succeeds: see tracing.otlp';
const many = Array.from({ length: 600 }, (_, n) => `k${n}`);

describe('a collector that fails causes one line of the log, and streams are not affected', () => {
  test.each([
    ['is not there', undefined, 0],
    ['is overloaded', 503, 2],
    ['refuses', 401, 2],
  ])('because it %s', async (_why, status, leastExports) => {
    const [collector, far] = [new Collector(), await farEnd()];
    const url = await collector.listen();
    if (status === undefined) await collector.close();
    else collector.status = status;
    const headers = { authorization: 'Bearer s3cret' };
    const service = await traced(far, { otlp: { url, headers, timeout: '200ms' } });
    // A batch is sent when there are 512 spans; the rest is sent when the service ends.
    for (const answer of [await enrich(service, many), await enrich(service, many)])
      expect(answer.match(/"found":1/g)).toHaveLength(many.length);
    await service.says(/spans cannot be exported/);
    await service.stop();
    expect(collector.exports.length).toBeGreaterThanOrEqual(leastExports);
    expect(logged(service, failing)).toEqual([expect.objectContaining({ level: 'warn', reason: expect.any(String) })]);
    expect(logged(service, 'stream completed')).toHaveLength(2);
    expect(service.log()).not.toContain('s3cret');
  });
});

test('one line of the log reports that the collector works again', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  collector.status = 401;
  const service = await traced(far, { otlp: { url: await collector.listen(), timeout: '200ms' } });
  await enrich(service, many);
  await service.says(/spans cannot be exported/);
  collector.status = 200;
  await enrich(service, many);
  await service.says(/spans reach the collector again/);
  expect(collector.spans.length).toBeGreaterThan(0);
});

test('a collector that never answers delays the end of the process by at most otlp.timeout', async () => {
  const [collector, far] = [new Collector(), await farEnd()];
  collector.status = 0;
  const service = await tracedProcess(far, { otlp: { url: await collector.listen(), timeout: '200ms' } });
  await enrich(service, ['a']);
  expect(await service.stop()).toBe(0);
  expect(collector.exports).toHaveLength(1);
  expect(logged(service, failing)).toHaveLength(1);
  expect(logged(service, 'stopped')).toHaveLength(1);
});
