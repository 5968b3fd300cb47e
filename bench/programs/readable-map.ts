import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { request } from 'undici';
import { numberOf, textOf, work } from '../worker.ts';

/**
 * The usual program for this job with Node's own means: lines by `readline`, `Readable.map` with a concurrency, `fetch` or
 * `undici.request`, parse and stringify, one write for each line.
 */
const [client = '', urlPrefix = ''] = process.argv.slice(2);

const ask: (url: string) => Promise<unknown> =
  client === 'fetch'
    ? async (url) => {
        const response = await fetch(url);
        if (!response.ok) throw new Error(`${url} got the status ${response.status}`);
        return await response.json();
      }
    : async (url) => {
        const response = await request(url);
        if (response.statusCode !== 200) throw new Error(`${url} got the status ${response.statusCode}`);
        return await response.body.json();
      };

async function* lines(file: string, times: number): AsyncGenerator<string> {
  for (let time = 0; time < times; time++) yield* createInterface({ input: createReadStream(file) });
}

work(async (order) => {
  const started = performance.now();
  let records = 0;
  const enriched = Readable.from(lines(textOf(order, 'file'), numberOf(order, 'times'))).map(
    async (line: string) => {
      const record: Record<string, unknown> = JSON.parse(line);
      record['originAirport'] = await ask(`${urlPrefix}${encodeURIComponent(String(record['origin']))}`);
      return `${JSON.stringify(record)}\n`;
    },
    { concurrency: 100 },
  );
  for await (const line of enriched) {
    records++;
    process.stdout.write(String(line));
  }
  return { records, elapsedMs: performance.now() - started };
});
