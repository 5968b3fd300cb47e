import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import { numberOf, textOf, work } from '../worker.ts';

/**
 * The lower bound: bare HTTP calls. `concurrency` calls of undici's cheapest interface run at any time; no line is read,
 * no answer is kept, nothing is written.
 */
const [origin = '', prefix = '', member = '', concurrencyText = '100'] = process.argv.slice(2);
const concurrency = Number(concurrencyText);
/** Calls whose time is recorded: sorting all times of a run would count as cost of the calls. */
const sampleSize = 1000;
const pool = new Pool(origin, { connections: concurrency, pipelining: 1 });
const pathsOf = new Map<string, readonly string[]>();

function paths(file: string): readonly string[] {
  let known = pathsOf.get(file);
  if (known === undefined) {
    const records = readFileSync(file, 'utf8').trimEnd().split('\n');
    known = records.map((line) => {
      const record: Record<string, unknown> = JSON.parse(line);
      return `${prefix}${encodeURIComponent(String(record[member]))}`;
    });
    pathsOf.set(file, known);
  }
  return known;
}

work(
  (order) =>
    new Promise((resolve, reject) => {
      const list = paths(textOf(order, 'file'));
      const parallel = Number(order['concurrency'] ?? concurrency);
      const records = Math.min(list.length * numberOf(order, 'times'), Number(order['records'] ?? Infinity));
      const started = performance.now();
      let begun = 0;
      let ended = 0;
      let bytes = 0;
      const waitedMs = new Float64Array(Math.min(records, sampleSize));
      const next = (): void => {
        const path = list[begun++ % list.length] ?? '/';
        const calledAt = performance.now();
        pool.dispatch(
          { method: 'GET', path },
          {
            onRequestStart() {},
            onResponseStart(_controller, status) {
              if (status !== 200) reject(new Error(`${path} got the status ${status}`));
            },
            onResponseData(_controller, chunk) {
              bytes += chunk.length;
            },
            onResponseEnd() {
              if (ended < sampleSize) waitedMs[ended] = performance.now() - calledAt;
              ended++;
              if (begun < records) next();
              if (ended < records) return;
              const elapsedMs = performance.now() - started;
              resolve({ records, bytes, elapsedMs, medianMs: waitedMs.sort()[waitedMs.length >> 1] ?? Number.NaN });
            },
            onResponseError(_controller, error) {
              reject(error);
            },
          },
        );
      };
      const atOnce = Math.min(parallel, records);
      for (let i = 0; i < atOnce; i++) next();
    }),
);
