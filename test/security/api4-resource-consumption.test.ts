import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { heldEnd } from '../connectors/http/far-end.ts';
import { type InProcess, linesOf, startInProcess } from '../service/in-process.ts';

/** A service whose lookup answers when the test does. */
async function held(limits: object, pipeline: object = {}): Promise<InProcess & { far: Far }> {
  const far = await heldEnd();
  const service = await startInProcess(
    { far: { http: { url: `${far.origin}/{key}`, maxResponseBytes: '1KiB' } } },
    { enrich: [{ lookup: 'far', with: { key: '/key' }, into: '/answer' }], ...pipeline },
    limits,
  );
  return { ...service, far };
}

type Far = Awaited<ReturnType<typeof heldEnd>>;

/** A stream whose body the test writes. */
async function streamTo({ service }: InProcess): Promise<{ request: ClientRequest; response: IncomingMessage }> {
  const request = httpRequest(`${service.url}/v1/enrich/test`, { method: 'POST', agent: false });
  request.on('error', () => {});
  onTestFinished(() => void request.destroy());
  request.flushHeaders();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { request, response };
}

const line = (key: number): string => `{"key":${key},"text":"${'x'.repeat(60_000)}"}\n`;
const ndjson = { 'content-type': 'application/x-ndjson' };

describe('API4 Unrestricted Resource Consumption', () => {
  test('a stream over limits.streams is refused with 429 and Retry-After, and the running one loses nothing', async () => {
    const built = await held({ streams: 1 });
    const running = await streamTo(built);
    running.request.write('{"key":"a"}\n');
    const call = await built.far.next();
    const refused = await fetch(`${built.service.url}/v1/enrich/test`, {
      method: 'POST',
      headers: ndjson,
      body: '{"key":"b"}\n',
    });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'too_many_streams' });
    call.response.end('1');
    running.request.end();
    expect(await text(running.response)).toBe('{"key":"a","answer":1}\n');
    expect(built.far.seen).toHaveLength(1);
  });

  test.each(['capacity=101', 'capacity=1000000000', 'timeout=24h', 'timeout=0s', 'onError=fail', 'meta=timing'])(
    'a client cannot take more than its pipeline allows: ?%s is refused before any call',
    async (query) => {
      const built = await held({}, { capacity: 100, timeout: '5s' });
      const refused = await fetch(`${built.service.url}/v1/enrich/test?${query}`, {
        method: 'POST',
        headers: ndjson,
        body: '{"key":"a"}\n',
      });
      expect([refused.status, await refused.json()]).toMatchObject([400, { code: 'bad_parameter' }]);
      expect(built.far.seen).toEqual([]);
    },
  );

  test('a client that sends without end makes no more calls than capacity, and the service stops reading', async () => {
    const built = await held({ memory: '1MiB' }, { capacity: 4 });
    const { request } = await streamTo(built);
    // Written until the socket is full, which it stays: the service reads no more.
    for (let n = 0; n < 400; n += 1) request.write(line(n));
    for (let n = 0; n < 4; n += 1) await built.far.next();
    const { streams } = await built.admin.state();
    expect(streams).toMatchObject([
      { capacity: 4, inFlight: 4, backpressure: expect.stringMatching(/capacity|memory/) },
    ]);
    expect(Number(streams[0]?.['receivedBytes'])).toBeLessThan(40 * line(0).length);
    expect(built.far.seen).toHaveLength(4);
  });

  test('a line without an end is skipped at limits.lineBytes, and the next record is enriched', async () => {
    const built = await held({ lineBytes: '1KiB' });
    const body = `{"text":"${'x'.repeat(8 << 20)}"}\n{"key":"a"}\n`;
    const answered = built.enrich(body);
    (await built.far.next()).response.end('1');
    expect(linesOf(await answered)).toMatchObject([{ _error: { code: 'line_too_long' } }, { key: 'a', answer: 1 }]);
  });

  test('a client that sends half a line and stops is cut after idleTimeout, and its place is free', async () => {
    const built = await held({ streams: 1, idleTimeout: '50ms' });
    const silent = await streamTo(built);
    silent.request.write('{"key":');
    await expect(text(silent.response)).rejects.toThrow('aborted');
    const answered = built.enrich('{"key":"a"}\n');
    (await built.far.next()).response.end('1');
    expect(await answered).toBe('{"key":"a","answer":1}\n');
  });
});
