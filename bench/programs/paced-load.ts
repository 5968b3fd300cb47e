import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { serveDelayedAnswers } from '../delayed-answers.ts';
import { seeded } from '../random.ts';
import { numberOf, work } from '../worker.ts';

/**
 * Sends records one by one at random times, `perSecond` of them on average, whether or not earlier ones are answered. The
 * server that answers the calls runs in the same process: both need a loop that does not sleep, and so they take one core
 * together, and leave the other one to what is measured.
 *
 * `{ url }`: as one stream to the service. Reports the median and the 99th percentile of the time from the write of a line
 * to the arrival of its result. `{ port }`: one byte for each record to `bare-relay.ts`, which measures its own calls.
 */
const line = Buffer.from('{"us":5000}\n');
const lineFeed = 0x0a;

/** Calls `send` at random times: the gaps have an exponential distribution. Resolves after the last one. */
function paced(records: number, perSecond: number, send: () => void): Promise<void> {
  const random = seeded(records);
  let sent = 0;
  let due = performance.now();
  return new Promise((resolve) => {
    const turn = (): void => {
      const now = performance.now();
      for (; sent < records && due <= now; sent++) {
        send();
        due -= (Math.log(1 - random()) * 1000) / perSecond;
      }
      if (sent < records) setImmediate(turn);
      else resolve();
    };
    turn();
  });
}

async function toService(url: string, records: number, perSecond: number): Promise<Float64Array> {
  const waitedMs = new Float64Array(records);
  const outgoing = request(url, { method: 'POST', headers: { 'content-type': 'application/x-ndjson' } });
  outgoing.flushHeaders();
  let sent = 0;
  let arrived = 0;
  const ended = new Promise<void>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      incoming.on('data', (chunk: Buffer) => {
        const now = performance.now();
        for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) {
          waitedMs[arrived] = now - (waitedMs[arrived] ?? 0);
          arrived++;
        }
      });
      incoming.on('error', reject);
      incoming.on('end', () => {
        if (arrived === records && incoming.trailers['millrace-errors'] === '0') resolve();
        else reject(new Error(`${arrived} of ${records} records, ${incoming.trailers['millrace-errors']} errors`));
      });
    });
  });
  const all = paced(records, perSecond, () => {
    waitedMs[sent++] = performance.now();
    outgoing.write(line);
  });
  await Promise.race([all, ended]);
  outgoing.end();
  await ended;
  return waitedMs.sort();
}

async function toRelay(port: number, records: number, perSecond: number): Promise<void> {
  const relay = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(relay, 'connect');
  await paced(records, perSecond, () => relay.write('.'));
  relay.end();
}

const port = await serveDelayedAnswers();
work(
  async (order) => {
    const [records, perSecond] = [numberOf(order, 'records'), numberOf(order, 'perSecond')];
    if (typeof order['url'] !== 'string') {
      await toRelay(numberOf(order, 'port'), records, perSecond);
      return { records };
    }
    const waitedMs = await toService(order['url'], records, perSecond);
    const at = (share: number): number => waitedMs[Math.floor(share * records)] ?? Number.NaN;
    return { records, medianMs: at(0.5), p99Ms: at(0.99) };
  },
  { port },
);
