import { connect } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { field, flags, frame, FrameClient, frameTypes as types, headFields, uint32 } from './http2-frames.ts';
import { enriched, records, start } from './start.ts';

const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;

test('a client that ends its body and resets its stream in the same packet is gone, and not complete', async () => {
  const { port, downstream, heard, streams } = await start();
  downstream.hold = true;
  const client = await FrameClient.open(port);
  client.send(types.headers, flags.endHeaders, 1, headFields('/v1/enrich/test'));
  client.send(types.data, 0, 1, Buffer.from(records(1)));
  await downstream.until(() => downstream.held.length === 1);
  client.socket.write(
    Buffer.concat([
      frame(types.data, flags.endStream, 1, Buffer.from(records(2))),
      frame(types.reset, 0, 1, uint32(CANCEL)),
    ]),
  );
  await heard.until(() => heard.outcomes.length === 1);
  expect(heard.outcomes).toEqual(['client_aborted']);
  await downstream.until(() => downstream.aborted === downstream.calls);
  expect(streams.size).toBe(0);
});

test('a body that a client breaks off with NO_ERROR is not complete', async () => {
  const { port, downstream, heard } = await start();
  downstream.hold = true;
  const client = await FrameClient.open(port);
  client.send(types.headers, flags.endHeaders, 1, headFields('/v1/enrich/test'));
  client.send(types.data, 0, 1, Buffer.from(records(1)));
  await downstream.until(() => downstream.held.length === 1);
  client.send(types.reset, 0, 1, uint32(0));
  await heard.until(() => heard.outcomes.length === 1);
  expect(heard.outcomes).toEqual(['client_aborted']);
});

test('a cut stream has all earlier output, no END_STREAM, and RST_STREAM with INTERNAL_ERROR as its last frame', async () => {
  const { port } = await start({ pipeline: { onError: 'fail' } });
  const client = await FrameClient.open(port);
  client.send(types.headers, flags.endHeaders, 1, headFields('/v1/enrich/test'));
  client.send(types.data, 0, 1, Buffer.from(records(1, 2, 'broken', 3)));
  const reset = await client.frame(types.reset, 1);
  expect(reset.payload.readUInt32BE()).toBe(2);
  expect(client.text(1)).toBe(enriched(1, 2));
  const ended = client.frames.filter(
    ({ type, stream, flags: set }) => stream === 1 && type <= types.headers && (set & flags.endStream) !== 0,
  );
  expect(ended).toEqual([]);
  expect(client.closed).toBe(false);
});

test('the preface may arrive byte by byte, and the first bytes of HTTP/1.1 as well', async () => {
  const { port } = await start();
  const client = new FrameClient(connect(port, '127.0.0.1').setNoDelay());
  await once(client.socket, 'connect');
  const bytes = Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(types.settings, 0, 0),
    frame(types.headers, flags.endHeaders, 1, headFields('/v1/enrich/test')),
    frame(types.data, flags.endStream, 1, Buffer.from(records(1))),
  ]);
  for (const byte of bytes) client.socket.write(Uint8Array.of(byte));
  await client.frame(types.data, 1);
  expect(client.text(1)).toBe(enriched(1));
  client.socket.destroy();
  const plain = connect(port, '127.0.0.1').setNoDelay();
  const request = `PROPFIND /v1/pipelines HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  for (const byte of Buffer.from(request)) plain.write(Uint8Array.of(byte));
  expect(await text(plain)).toMatch(/^HTTP\/1\.1 405 /);
});

describe('a connection is ended by GOAWAY if its client', () => {
  test('sends no request within headersTimeout', async () => {
    const clock = virtualClock();
    const { port } = await start({ clock });
    const client = await FrameClient.open(port);
    await client.frame(types.settings, 0);
    await clock.advance(10_000);
    expect((await client.frame(types.goaway, 0)).payload.readUInt32BE(4)).toBe(0);
    await clock.advance(1000);
    await client.untilClosed();
    expect(clock.timers).toBe(0);
  });

  test('has no stream open for 75 seconds, whatever it sends', async () => {
    const clock = virtualClock();
    const { port } = await start({ clock });
    const client = await FrameClient.open(port);
    client.send(types.headers, flags.endHeaders | flags.endStream, 1, headFields('/v1/enrich/test'));
    await client.frame(types.headers, 1);
    while (clock.timers !== 1) await new Promise(setImmediate);
    await clock.advance(74_000);
    client.send(types.ping, 0, 0, Buffer.alloc(8));
    await client.frame(types.ping, 0);
    expect(client.frames.map(({ type }) => type)).not.toContain(types.goaway);
    await clock.advance(1000);
    await client.frame(types.goaway, 0);
    await clock.advance(1000);
    await client.untilClosed();
  });

  test('begins and resets streams without an end', async () => {
    const { port, heard, streams } = await start();
    const client = await FrameClient.open(port);
    for (let stream = 1; stream < 8000; stream += 2) {
      client.send(types.headers, flags.endHeaders, stream, headFields('/v1/enrich/test'));
      client.send(types.reset, 0, stream, uint32(CANCEL));
    }
    await client.untilClosed();
    expect(heard.outcomes.length).toBe(heard.opened);
    expect(heard.opened).toBeLessThan(2000);
    expect(streams.size).toBe(0);
  });

  test('sends a head in CONTINUATION frames without an end', async () => {
    const { port, heard } = await start();
    const client = await FrameClient.open(port);
    client.send(types.headers, 0, 1, headFields('/v1/enrich/test'));
    for (let frames = 0; frames < 5000 && !client.closed; frames += 1) {
      client.send(types.continuation, 0, 1, field(`x-${frames}`, 'y'.repeat(100)));
    }
    await client.untilClosed();
    expect(heard.opened).toBe(0);
  });
});

test.each([
  ['PING', frame(types.ping, 0, 0, Buffer.alloc(8))],
  ['SETTINGS', frame(types.settings, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]))],
])('a client that sends %s and reads no answer is closed, and holds no memory', async (_, one) => {
  const { port } = await start();
  const client = await FrameClient.open(port);
  await client.frame(types.settings, 0);
  client.socket.pause();
  const before = process.memoryUsage().rss;
  const many = Buffer.concat(Array.from({ length: 1000 }, () => one));
  for (let rounds = 0; rounds < 2000 && !client.socket.destroyed; rounds += 1) {
    if (client.socket.write(many)) continue;
    await Promise.race([once(client.socket, 'drain'), once(client.socket, 'close')]).catch(() => {});
  }
  client.socket.resume();
  await client.untilClosed();
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
});

const fill = (count: number): Buffer[] => Array.from({ length: count }, (_, n) => field(`x-${n}`, 'y'.repeat(100)));

test('a head over 16 KiB is answered with 431, and one over 64 KiB resets its stream', async () => {
  const { port } = await start();
  const client = await FrameClient.open(port);
  const send = (stream: number, count: number): void => {
    const block = headFields('/v1/pipelines', ...fill(count));
    client.send(types.headers, flags.endStream, stream, block.subarray(0, 16_000));
    for (let at = 16_000; at < block.length; at += 16_000) {
      client.send(
        types.continuation,
        at + 16_000 < block.length ? 0 : flags.endHeaders,
        stream,
        block.subarray(at, at + 16_000),
      );
    }
  };
  send(1, 170);
  await client.frame(types.data, 1);
  expect(JSON.parse(client.text(1))).toMatchObject({
    status: 431,
    code: 'bad_request',
    detail: expect.stringContaining('send 16384 at most'),
  });
  send(3, 700);
  expect((await client.frame(types.reset, 3)).payload.readUInt32BE()).toBe(ENHANCE_YOUR_CALM);
  expect(client.closed).toBe(false);
});

test.each([
  ['a Host field that differs from its :authority', [field('host', 'other.example')], 'differs from its :authority'],
  ['two Authorization fields', [field('authorization', 'a'), field('authorization', 'b')], '2 Authorization fields'],
])('a request with %s is refused', async (_, fields, detail) => {
  const { port } = await start();
  const client = await FrameClient.open(port);
  const head = headFields('/v1/enrich/test', ...fields);
  client.send(types.headers, flags.endHeaders | flags.endStream, 1, head);
  await client.frame(types.data, 1);
  expect(JSON.parse(client.text(1))).toMatchObject({ code: 'bad_request', detail: expect.stringContaining(detail) });
});
