import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Http2Output } from '../../../src/http/http2/http2-output.ts';
import { clientOf, patterned, serveStreams } from './serve-streams.ts';

const KiB = 1024;

test.each([
  ['64 KiB', 65_535, 64 * KiB],
  ['256 KiB', 256 * KiB, 128 * KiB],
  ['4 MiB', 4096 * KiB, 256 * KiB],
])(
  'with a window of %s, what the client has received is held no longer, except for one send',
  async (_, window, send) => {
    const total = 6 * 1024 * KiB;
    const outputs: Http2Output[] = [];
    let whole = false;
    const port = await serveStreams((stream) => {
      const output = new Http2Output(stream, () => {});
      outputs.push(output);
      const bytes = patterned(total);
      for (let at = 0; at < total; at += 50_000) output.write(bytes.subarray(at, at + 50_000));
      output.whenSent(() => {
        whole = true;
        stream.end();
      });
    });
    const client = clientOf(port, window).request();
    client.on('error', () => {});
    client.pause();
    await once(client, 'response');
    const held = (): number => outputs[0]?.bytes ?? 0;
    while (held() > total - window + send) await turn();
    expect(held()).toBeGreaterThan(total - window - send);
    expect([outputs[0]?.needsDrain, whole]).toEqual([true, false]);
    const chunks: Buffer[] = [];
    for await (const chunk of client) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(patterned(total))).toBe(true);
    expect([held(), whole]).toEqual([0, true]);
  },
);

test('texts and bytes keep their order, and bytes may change after the call', async () => {
  const port = await serveStreams((stream) => {
    const output = new Http2Output(stream, () => {});
    const shared = Buffer.alloc(100_000);
    for (let round = 0; round < 20; round += 1) {
      output.write(`${round}é`);
      shared.fill(65 + round);
      output.write(shared);
    }
    output.whenSent(() => stream.end());
  });
  const client = clientOf(port).request();
  client.setEncoding('utf8');
  let received = '';
  for await (const text of client) received += String(text);
  const expected = Array.from(
    { length: 20 },
    (_, round) => `${round}é${String.fromCharCode(65 + round).repeat(100_000)}`,
  );
  expect(received === expected.join('')).toBe(true);
});
