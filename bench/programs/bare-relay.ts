import { createServer } from 'node:net';
import { Pool } from 'undici';
import { listen } from '../delayed-answers.ts';
import { numberOf, work } from '../worker.ts';

/** Makes one bare call for each byte that it receives, and measures the time from the start of the call to its answer. */
const [origin = '', path = '/'] = process.argv.slice(2);
const pool = new Pool(origin, { connections: 100, pipelining: 1 });

let begin: () => void = () => {};
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (bytes) => {
    for (const _ of bytes) begin();
  });
});

work(
  (order) =>
    new Promise((resolve, reject) => {
      const records = numberOf(order, 'records');
      const waitedMs = new Float64Array(records);
      let ended = 0;
      begin = () => {
        const begunAt = performance.now();
        pool.dispatch(
          { method: 'GET', path },
          {
            onRequestStart() {},
            onResponseStart(_controller, status) {
              if (status !== 200) reject(new Error(`${path} got the status ${status}`));
            },
            onResponseData() {},
            onResponseEnd() {
              waitedMs[ended++] = performance.now() - begunAt;
              if (ended < records) return;
              waitedMs.sort();
              const at = (share: number): number => waitedMs[Math.floor(share * records)] ?? Number.NaN;
              resolve({ records, medianMs: at(0.5), p99Ms: at(0.99) });
            },
            onResponseError(_controller, error) {
              reject(error);
            },
          },
        );
      };
    }),
  { port: await listen(server) },
);
