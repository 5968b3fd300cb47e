import { expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { drain } from '../../src/http/connection/drain.ts';
import { fetch } from './fetched.ts';
import { enriched, records, start, type StartOptions } from './start.ts';
import { openStream } from './stream-client.ts';

async function post(url: string, query: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/v1/enrich/test?${query}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  });
  return { status: response.status, text: await response.text() };
}

async function open(query: string, options: StartOptions = {}) {
  const started = await start(options);
  const client = await openStream(`${started.url}/v1/enrich/test?${query}`);
  return { ...started, client };
}

const summary =
  /\{"\$summary":\{"status":"complete","read":\d+,"written":\d+,"errors":\d+,"misses":\d+,"dropped":\d+,"durationMs":\d+\}\}\n$/;

test('with control=true watermarks and checkpoints stand between the records, and the summary after them', async () => {
  const { url } = await start();
  const { text } = await post(url, 'control=true&checkpoint=2', `${records(1)}{"$watermark":"w"}\n${records(2)}`);
  const parts = [enriched(1), '{"$watermark":"w"}\n', '{"$checkpoint":{"next":2,"pending":[]}}\n', enriched(2)];
  expect(text.replace(summary, '')).toBe(parts.join(''));
  expect(text).toMatch(summary);
});

test('control=false is the same as no parameter', async () => {
  const { url } = await start();
  expect((await post(url, 'control=false', records(1))).text).toBe(enriched(1));
});

test('control lines come in the framing of the records', async () => {
  const { url } = await start();
  const sequence = await post(url, 'control=true', '\u001e{"$watermark":\n1}\n\u001e{"key":"a"}\n', {
    'content-type': 'application/json-seq',
  });
  expect(sequence.text.replaceAll('\u001e', '<RS>')).toMatch(
    /^<RS>\{"\$watermark":1\}\n<RS>\{"key":"a".*\}\n<RS>\{"\$summary".*\}\n$/,
  );
  const events = await post(url, 'control=true', '{"$watermark":1}\n', { accept: 'text/event-stream' });
  expect(events.text).toMatch(/^data: \{"\$watermark":1\}\n\ndata: \{"\$summary".*\}\n\n$/);
});

test('a request may set mode keyed if the pipeline has a key', async () => {
  const { url } = await start({ pipeline: { key: '/key' } });
  expect((await post(url, 'mode=keyed', records(1))).text).toBe(enriched(1));
});

test('one record as application/json has no control lines, no offset and no spool', async () => {
  const { url } = await start();
  const json = { 'content-type': 'application/json' };
  for (const query of ['control=true', 'offset=5', 'duplex=half', 'duplex=auto']) {
    const { status, text } = await post(url, query, '{"key":"a"}', json);
    expect(status).toBe(400);
    expect(text).toContain('application/json is one record');
  }
  // A client may send the header with every request.
  expect((await post(url, '', '{"key":"a"}', { ...json, 'millrace-duplex': 'half' })).status).toBe(200);
});

test('lines after the highest offset have different numbers', async () => {
  const { url } = await start();
  const { text } = await post(url, 'offset=1000000000000000', '[]\n[]\n[]\n');
  const numbers = text.split('\n').flatMap((line) => /"line":(\d+)/.exec(line)?.[1] ?? []);
  expect(numbers).toEqual(['1000000000000001', '1000000000000002', '1000000000000003']);
});

test('a $resume that cannot be taken is answered by $fatal and a cut', async () => {
  const { client, heard } = await open('control=true');
  client.send('{"$resume":{"next":"x"}}\n');
  await client.ended();
  expect(client.text).toMatch(/\{"\$fatal":\{"type":"urn:millrace:problem:bad_resume",.*"status":400,.*\}\}\n$/);
  expect(client.text).toContain('"instance":"urn:millrace:request:');
  expect(heard.outcomes).toEqual(['failed']);
});

test('the last line of an idle stream says why it is cut', async () => {
  const clock = virtualClock();
  const { client } = await open('control=true', { clock, checkMs: 1000 });
  client.send(records(1));
  await client.until(enriched(1));
  await clock.advance(61_000);
  await client.ended();
  expect(client.text).toMatch(/\{"\$checkpoint":\{"next":1,"pending":\[\]\}\}\n\{"\$fatal":.*"code":"idle"/);
});

test('a draining service writes a checkpoint of each stream, at once and before the cut', async () => {
  const clock = virtualClock();
  const { client, downstream, app, streams, drainState, responses } = await open('control=true&mode=unordered', {
    clock,
    pipeline: { timeout: '0s' },
  });
  downstream.hold = true;
  client.send(records(1, 2, 3));
  await downstream.until(() => downstream.held.length === 3);
  const byKey = (key: string) => downstream.held.find((call) => call.key === key);
  byKey('2')?.answer({ found: '2' });
  await client.until(enriched(2));
  const drained = drain({ app, streams, drainState, responses, clock, drainTimeoutMs: 30_000 });
  await client.until('{"$checkpoint":{"next":2,"pending":[0]}}\n');
  byKey('3')?.answer({ found: '3' });
  await client.until(enriched(3));
  await clock.advance(30_000);
  await client.ended();
  expect(client.text).toMatch(/\{"\$checkpoint":\{"next":3,"pending":\[0\]\}\}\n\{"\$fatal":.*"code":"draining"/);
  expect(client.text).not.toContain('$summary');
  await clock.advance(2000);
  expect(await drained).toBe(1);
});
