import { expect, test } from 'vitest';
import { LateReader, serveSpooling, untilNothingSpooled, untilState } from './spooling.ts';

const clients = 12;
const records = 200;
const padBytes = 30_000;

test.each(['half', 'auto'])(
  'clients that read late send their bodies whole, although their responses would fill limits.memory, with duplex=%s',
  { timeout: 180_000 },
  async (duplex) => {
    const spooling = await serveSpooling('limits: { memory: 2MiB, stallTimeout: 20s }');
    const streams = await Promise.all(
      Array.from({ length: clients }, () => LateReader.open(spooling, `duplex=${duplex}`)),
    );
    for (const stream of streams) stream.send(records, padBytes);
    // None of them reads yet.
    await untilState(
      spooling,
      (state) => state.streams.filter((stream) => stream['read'] === records).length === clients,
    );
    for (const stream of streams) stream.end();
    for (const last of await Promise.all(streams.map((stream) => stream.last())))
      expect(last).toMatch(/Millrace-Status: complete\r\n[^]*Millrace-Written: 200\r\n/);
    await untilNothingSpooled(spooling);
    expect(await spooling.service.admin.metric('millrace_memory_held_bytes')).toBe(0);
  },
);
