import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/core/json/json.ts';
import { painter } from '../../../src/cli/top/columns.ts';
import { age, bytes, latency, rate } from '../../../src/cli/top/figures.ts';
import type { Seen } from '../../../src/cli/top/state.ts';
import { type Frame, view } from '../../../src/cli/top/view.ts';

const plain = painter(false);
const unlimited = { columns: Infinity, rows: Infinity };

function stream(number: number, more: JsonObject = {}): JsonObject {
  return {
    number,
    id: `request-${number}`,
    pipeline: 'flights',
    mode: 'unordered',
    client: `127.0.0.1:${40_000 + number}`,
    ageMs: 60_000,
    read: 6000 * number,
    written: 6000 * number,
    errors: 0,
    receivedBytes: 1024,
    sentBytes: 4096,
    capacity: 100,
    inFlight: number,
    retryWaiting: 0,
    completedWaiting: 0,
    backpressure: 'capacity',
    ...more,
  };
}

function seen(more: Partial<Seen> = {}): Seen {
  const recent = { windowMs: 10_000, recordsOutPerSecond: 1234.5, callsPerSecond: 2469, p50Ms: 9.87, p99Ms: 123 };
  return {
    atMs: 0,
    text: '',
    state: { version: '1.2.3', uptimeMs: 192_000, draining: false },
    streams: [stream(1), stream(2)],
    pipelines: [{ name: 'flights', value: { capacity: 200, inFlight: 3, recent } }],
    lookups: [{ name: 'airport', value: { inFlight: 7, queued: 0, recent } }],
    errors: [{ ageMs: 2000, count: 12, code: 'timeout', lookup: 'airport', pipeline: 'flights', message: 'no answer' }],
    ...more,
  };
}

function frame(more: Partial<Frame> = {}): Frame {
  return { url: new URL('http://127.0.0.1:8081/'), seen: seen(), before: undefined, failure: undefined, ...more };
}

describe('the picture', () => {
  test('shows the service, pipelines, lookups, streams (busiest first) and the last errors', () => {
    const lines = view(frame(), unlimited, plain);
    expect(lines[0]).toBe('millrace 1.2.3  http://127.0.0.1:8081  up 3m12s');
    expect(lines[1]).toBe('1,235 records/s  0 failed/s  in the last 10s  2 streams  3 in flight');
    expect(lines.join('\n')).toMatch(/lookup +calls\/s .*\nairport +2,469 .* 9\.87 ms +123 ms +7 /);
    expect(lines.join('\n')).toMatch(/stream of .*\nflights +unordered +1m00s +200 .* 2\/100 .*\nflights .* 100 /);
    expect(lines.join('\n')).toMatch(/ago .*\n +2s +12 +timeout .* no answer$/);
  });

  test('is never wider or higher than its terminal, whatever the size', () => {
    const much = seen({ streams: Array.from({ length: 60 }, (_, number) => stream(number)) });
    for (const columns of [1, 7, 20, 40, 60, 80, 132, 300]) {
      for (const rows of [1, 2, 3, 5, 6, 10, 24, 100]) {
        const lines = view(frame({ seen: much, failure: 'cannot reach it' }), { columns, rows }, plain);
        expect(lines.length).toBeLessThanOrEqual(rows);
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('keeps the most important columns on a narrow terminal', () => {
    const lines = view(frame(), { columns: 40, rows: 24 }, plain).join('\n');
    expect(lines).toMatch(/^stream of +lines\/s +in flight/m);
    expect(lines).toMatch(/^lookup +calls\/s/m);
    expect(lines).not.toContain('client');
  });

  test('says how many rows have no room, and shows small tables completely', () => {
    const much = seen({ streams: Array.from({ length: 60 }, (_, number) => stream(number)) });
    const lines = view(frame({ seen: much }), { columns: 200, rows: 24 }, plain);
    expect(lines).toHaveLength(24);
    expect(lines.join('\n')).toMatch(/^… 50 more$/m);
    expect(lines.join('\n')).toContain('no answer');
  });

  test('shows the rate of a stream since the previous picture, or over its age if there was none', () => {
    const before = seen({ atMs: -2000, streams: [stream(1, { written: 5000 })] });
    const lines = view(frame({ before }), unlimited, plain);
    const rates = lines.filter((line) => line.startsWith('flights    unordered')).map((line) => line.split(/ +/)[3]);
    expect(rates).toEqual(['500', '200']);
  });

  test('shows whose output is spooled, how much of the limit is used, and how many streams were cut for it', () => {
    const spool = {
      streams: 1,
      bytes: 1_572_864,
      limitBytes: 8 * 1024 ** 3,
      refused: { stream_full: 1, all_full: 0, disk: 2 },
    };
    const state = { ...seen().state, spool };
    const streams = [
      stream(1, { duplex: 'auto', spoolBytes: 0 }),
      stream(2, { duplex: 'half', spoolBytes: 1_572_864 }),
    ];
    const lines = view(frame({ seen: seen({ state, streams }) }), unlimited, plain);
    expect(lines[1]).toMatch(/ {2}1\.5 MiB of 8\.0 GiB spooled for 1 {2}3 cut with spool_full$/);
    const [head = '', half = '', auto = ''] = lines.slice(lines.findIndex((line) => line.startsWith('stream of')));
    const end = head.indexOf('spooled') + 'spooled'.length;
    expect([half, auto].map((line) => line.slice(0, end).split(/ {2,}/).at(-1)?.trim())).toEqual(['1.5 MiB', '-']);
    const calm = { ...spool, streams: 0, bytes: 0, refused: { stream_full: 0, all_full: 0, disk: 0 } };
    expect(view(frame({ seen: seen({ state: { ...state, spool: calm } }) }), unlimited, plain)[1]).not.toMatch(/spool/);
  });

  test('shows a request with a single record, which has no figures', () => {
    const single = { id: 'a', pipeline: 'flights', mode: 'record', client: null, ageMs: 5 };
    const lines = view(frame({ seen: seen({ streams: [single] }) }), unlimited, plain);
    expect(lines.find((line) => line.includes('record  '))).toMatch(/^flights +record +5ms +- +- /);
  });

  test('writes nothing to the terminal but text and its own colours', () => {
    const errors = [{ code: 'function_error', message: 'bell\u0007 and \u001B[2Jclear\n\u202Etxet' }];
    const lines = view(frame({ seen: seen({ errors }) }), unlimited, plain).join('\n');
    expect(lines).toContain('bell  and  [2Jclear txet');
    expect(lines).not.toMatch(/[^\P{C}\n]/u);
  });

  test('has colours only if they are wanted', () => {
    const colored = view(frame(), unlimited, painter(true)).join('\n');
    expect(colored).toContain('\u001B[31mtimeout\u001B[39m');
    // oxlint-disable-next-line no-control-regex
    expect(colored.replaceAll(/\u001B\[\d+m/g, '')).toBe(view(frame(), unlimited, plain).join('\n'));
  });

  test('shows the reason if it is not updated, and that the service drains', () => {
    const state = { ...seen().state, draining: true };
    const lines = view(frame({ seen: seen({ state }), failure: 'cannot reach it' }), unlimited, plain);
    expect(lines[1]).toContain('draining');
    expect(lines[2]).toBe('cannot reach it');
  });

  test('of a service of another version shows the members that it knows', () => {
    const bare = {
      ...seen(),
      state: {},
      streams: [{}],
      pipelines: [],
      lookups: [{ name: 'a', value: {} }],
      errors: [{}],
    };
    expect(view(frame({ seen: bare }), unlimited, plain).join('\n')).toMatch(/^a +0 +0 +0 +- +- /m);
  });
});

/** The lines of the table of layers. */
const layersOf = (
  lookups: Readonly<Record<string, JsonObject>>,
  columns = 80,
  before?: JsonObject,
): readonly string[] => {
  const named = Object.entries(lookups).map(([name, value]) => ({ name, value }));
  const earlier = before && seen({ lookups: [{ name: 'airport', value: before }] });
  const lines = view(frame({ seen: seen({ lookups: named }), before: earlier }), { columns, rows: 40 }, plain);
  const first = lines.findIndex((line) => line.startsWith('layers of'));
  return first < 0 ? [] : lines.slice(first, lines.indexOf('', first));
};

describe('the layers of the lookups', () => {
  const cache = { hit: 90, negative: 5, stale: 4, miss: 1, entries: 7 };
  const all: JsonObject = {
    breaker: { closed: 0, open: 1, half_open: 0, opened: 3, openMs: 4200 },
    pause: { pauses: 1, paused: 1, pausedMs: 12_000 },
    concurrency: { limit: 200, running: 40 },
    cache,
    coalesce: { coalesced: 1234, open: 1 },
    hedge: { made: 12, won: 5 },
    batch: { batches: 4, requests: 150, splits: 0, gathering: 0, inFlight: 0 },
  };
  test('have a table of their own, which fits into 80 columns with all of them', () => {
    const calm = { ...all, breaker: { half_open: 1 }, pause: { paused: 0 }, batch: { batches: 0 }, cache: {} };
    expect(layersOf({ airport: all, city: calm, plain: {}, posts: { coalesce: { coalesced: 0 } } })).toEqual([
      'layers of    breaker   paused   limit  cache hits  coalesced  hedges  of a batch',
      'airport      open 4s  for 12s  40/200      99.0 %      1,234      12        37.5',
      'city       half open       no  40/200           -      1,234      12           -',
      'posts              -        -       -           -          0       -           -',
    ]);
  });

  test('show a column only if a lookup has the layer, and no table without one', () => {
    const [head, row] = layersOf({ airport: { breaker: { closed: 1 }, pause: { paused: 0 } } });
    expect([head, row]).toEqual(['layers of  breaker  paused', 'airport     closed      no']);
    expect(layersOf({ airport: { inFlight: 1 } })).toEqual([]);
  });

  test('have the share of hits since the previous picture, or since the start', () => {
    const hits = (before?: JsonObject) => layersOf({ airport: { cache } }, 80, before)[1];
    expect(hits()).toMatch(/ 99\.0 %$/);
    expect(hits({ cache: { hit: 90, negative: 5, stale: 4, miss: 0 } })).toMatch(/ 0\.0 %$/);
    // No request has come since, or the service has started anew.
    expect(hits({ cache })).toMatch(/ 99\.0 %$/);
    expect(hits({ cache: { hit: 900, miss: 100 } })).toMatch(/ 99\.0 %$/);
  });

  test('are left out on a low terminal, before the errors are', () => {
    const lines = view(
      frame({ seen: seen({ lookups: [{ name: 'airport', value: all }] }) }),
      { columns: 80, rows: 16 },
      plain,
    );
    expect(lines.join('\n')).toMatch(/no answer/);
    expect(lines.join('\n')).not.toMatch(/layers of/);
  });
});

/** Two streams of one connection that have written so many lines. */
const both = (...written: readonly number[]): Seen['streams'] =>
  written.map((lines, at) => stream(at + 1, { id: 'same', client: '127.0.0.1:40000', http: '2', written: lines }));

test('streams of one connection with the same X-Request-Id have rates of their own', () => {
  const lines = view(
    frame({
      seen: seen({ atMs: 2000, streams: both(1000, 5000) }),
      before: seen({ atMs: 0, streams: both(0, 4800) }),
    }),
    unlimited,
    plain,
  );
  const rates = lines.filter((line) => /^flights +unordered/.test(line)).map((line) => / (500|100) /.exec(line)?.[1]);
  expect(rates).toEqual(['500', '100']);
});

test('figures are as short as possible without being wrong', () => {
  expect([0, 0.128, 9.99, 12.34, 99.9, 1234.5].map(rate)).toEqual(['0', '0.13', '9.99', '12.3', '99.9', '1,235']);
  expect([undefined, 0.05, 12.34, 1234, 61_500].map(latency)).toEqual(['-', '0.05 ms', '12.3 ms', '1234 ms', '61.5 s']);
  expect([350, 12_900, 192_000, 18_120_000, 792_000_000].map(age)).toEqual(['350ms', '12s', '3m12s', '5h02m', '9d04h']);
  expect([0, 351, 1024, 1_572_864, 2 ** 40].map(bytes)).toEqual(['0 B', '351 B', '1.0 KiB', '1.5 MiB', '1.0 TiB']);
});
