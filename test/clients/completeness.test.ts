import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { page, section } from '../docs/pages.ts';
import { type Proxied, direct, proxied } from '../proxies/proxy.ts';
import { compileMs } from './page-programs.ts';
import { compiledProbes, probes, type Version } from './probes.ts';

/** The columns of the table in docs/clients.md: the way to the service, and the version that the client speaks. */
const ways = {
  'HTTP/1.1': { start: direct, version: '1' },
  'HTTP/2': { start: direct, version: '2' },
  'nginx, TCP': { start: () => proxied('nginx, TCP'), version: '1' },
  'nginx, HTTP': { start: () => proxied('nginx, HTTP'), version: '1' },
  'nginx, HTTP, HTTP/2': { start: () => proxied('nginx, HTTP'), version: '2' },
  HAProxy: { start: () => proxied('HAProxy'), version: '1' },
} as const satisfies Record<string, { start: () => Promise<Proxied>; version: Version }>;

const cellsOf = (line: string): readonly string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
const [head = [], , ...rows] = section(page('clients.md'), '## Complete or not')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) => cellsOf(line));
const names = Object.keys(probes) as (keyof typeof probes)[];

test('docs/clients.md has a row for each client, and a column for each way', () => {
  expect(head).toEqual(['client', ...Object.keys(ways)]);
  expect(rows.map(([name]) => name)).toEqual(names);
});

let compiledIn: Awaited<ReturnType<typeof compiledProbes>>;
beforeAll(async () => {
  compiledIn = await compiledProbes();
}, compileMs);
afterAll(() => compiledIn.remove());

const good = '{"key":"1"}\n';
const bad = '{"key":null}\n';

describe.each(Object.keys(ways) as (keyof typeof ways)[])('%s:', (way) => {
  const { start, version } = ways[way];
  let proxy: Proxied;
  beforeAll(async () => {
    proxy = await start();
  });
  afterAll(() => proxy.stop());

  /** The cell says `visible` if the client sees the difference, and `–` if it does not speak the version. */
  test.each(names.filter((name) => rows.find(([client]) => client === name)?.[head.indexOf(way)] === 'visible'))(
    'a complete stream ends well for %s, one that is cut is an error, before the first result and after it',
    { timeout: 60_000 },
    async (name) => {
      const base = version === '2' ? proxy.tlsUrl : proxy.url;
      // Ten times: whether head and cut arrive together depends on the moment.
      const round = [
        { url: `${base}/v1/enrich/test`, body: good + bad },
        { url: `${base}/v1/enrich/strict`, body: bad },
        { url: `${base}/v1/enrich/strict`, body: good + bad },
      ];
      const ended = await probes[name](version, Array.from({ length: 10 }, () => round).flat(), compiledIn.folder);
      expect(ended.map((end) => end.split(' ')[0])).toEqual(
        Array.from({ length: 10 }, () => ['complete', 'error', 'error']).flat(),
      );
    },
  );

  test('no other cell is empty: a client that does not see the cut is named', () => {
    const cells = rows.map((row) => row[head.indexOf(way)]);
    expect(cells.filter((cell) => cell !== 'visible' && cell !== '–')).toEqual([]);
  });
});
