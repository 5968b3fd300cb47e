import { describe, expect, test } from 'vitest';
import { readDemoData } from '../../src/demo/data.ts';
import { capacityOverLatency, latencies, recordLatencies, seededRandom, shortestRun } from '../../src/demo/latency.ts';
import { readings, recordQuantileMs } from '../../src/demo/readings.ts';
import { paint, table } from '../../src/demo/screen.ts';
import { verify } from '../../src/demo/verify.ts';

describe('the best schedule', () => {
  test('frees a slot at once when unordered; when ordered, only after all earlier records', () => {
    // Two slots; the first record holds up the others only in ordered mode.
    const records = [100, 10, 10, 10, 10];
    expect(shortestRun(records, 2, 'unordered')).toBe(100);
    expect(shortestRun(records, 2, 'ordered')).toBe(120);
  });

  test('of equal latencies has the throughput capacity ÷ latency in both orders', () => {
    const records = Array.from({ length: 1000 }, () => 10);
    expect(capacityOverLatency(records, 100)).toBe(10_000);
    expect(shortestRun(records, 100, 'ordered')).toBe(100);
    expect(shortestRun(records, 100, 'unordered')).toBe(100);
  });

  test('takes a record for as long as the slower of its two calls', () => {
    expect(recordLatencies([1, 2, 4, 3])).toEqual([2, 4]);
  });
});

test('the same seed gives the same latencies, with a mean of about 10 ms and some far longer', () => {
  const draw = latencies(seededRandom(7));
  const again = latencies(seededRandom(7));
  const drawn = Array.from({ length: 50_000 }, draw);
  expect(drawn.slice(0, 100)).toEqual(Array.from({ length: 100 }, again));
  const mean = drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length;
  expect(mean).toBeGreaterThan(9.5);
  expect(mean).toBeLessThan(10.5);
  expect(Math.max(...drawn)).toBeGreaterThan(60);
  expect(Math.max(...drawn)).toBeLessThanOrEqual(120);
});

test('every airport of every flight is in the directory', async () => {
  const { airports, flights } = await readDemoData();
  const unknown = flights
    .map((line): { origin: string; destination: string } => JSON.parse(line))
    .filter(({ origin, destination }) => !airports.has(origin) || !airports.has(destination));
  expect(flights).toHaveLength(20_000);
  expect(unknown).toEqual([]);
});

const bucket = (le: string, count: number): string =>
  `millrace_record_duration_seconds_bucket{le="${le}",pipeline="flights"} ${count}`;

test('a quantile is calculated from the samples between two scrapes', () => {
  const before = readings([bucket('0.01', 100), bucket('0.02', 100), bucket('+Inf', 100)].join('\n'));
  const after = readings([bucket('0.01', 100), bucket('0.02', 110), bucket('+Inf', 110)].join('\n'));
  expect(recordQuantileMs(before, after, 0.5)).toBeCloseTo(15);
  expect(recordQuantileMs(after, after, 0.5)).toBeUndefined();
});

test('the columns of a table are aligned', () => {
  const text = table(['', 'a', 'bbb'], [['records', '20,000', '1']], paint(false));
  expect(
    new Set(
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.length),
    ).size,
  ).toBe(1);
});

describe('verification', () => {
  const airports = new Map([
    ['AAA', { iata: 'AAA', name: 'A Field', city: 'Aville' }],
    ['BBB', { iata: 'BBB', name: 'B Field', city: 'Btown' }],
  ]);
  const sent = ['{"n":1,"origin":"AAA","destination":"BBB"}', '{"n":2,"origin":"BBB","destination":"AAA"}'];
  const a = '{"name":"A Field","city":"Aville"}';
  const b = '{"name":"B Field","city":"Btown"}';
  const first = `{"n":1,"origin":"AAA","destination":"BBB","originAirport":${a},"destinationAirport":${b}}`;
  const second = `{"n":2,"origin":"BBB","destination":"AAA","originAirport":${b},"destinationAirport":${a}}`;
  const trailers = { 'millrace-status': 'complete' };
  const faults = (lines: readonly string[], mode: 'ordered' | 'unordered' = 'ordered'): string =>
    verify({ lines, ms: 1, trailers }, sent, airports, mode).faults.join('\n');

  test('accepts correct results', () => {
    expect(faults([first, second])).toBe('');
    expect(faults([second, first], 'unordered')).toBe('');
  });

  test('reports lines that are out of order, lost, doubled or changed', () => {
    expect(faults([second, first])).toContain('line 1 is out of order');
    expect(faults([first])).toContain('2 lines were sent and 1 came back');
    expect(faults([first, first], 'unordered')).toContain('line 2 was not sent, or came back twice');
    expect(faults([first.replace('"n":1', '"n":1.0'), second], 'unordered')).toContain('line 1 was not sent');
  });

  test('counts every error, and shows the first few', () => {
    const errors = Array.from({ length: 50 }, () => '{"n":1,"_error":{"code":"timeout"}}');
    const verdict = verify({ lines: errors, ms: 1, trailers }, sent, airports, 'unordered');
    expect(verdict.errors).toBe(50);
    expect(verdict.faults.length).toBeLessThan(10);
  });

  test('reports a wrong city, a missing one, an error, and an incomplete end', () => {
    expect(faults([first.replace('Btown', 'Xtown'), second])).toContain('city of destination BBB is "Xtown"');
    expect(faults([first.replace(b, 'null'), second])).toContain('city of destination BBB is undefined');
    const failed = `${sent[0]?.slice(0, -1)},"_error":{"code":"timeout"}}`;
    const verdict = verify({ lines: [failed, second], ms: 1, trailers }, sent, airports, 'ordered');
    expect(verdict.errors).toBe(1);
    expect(verdict.faults[0]).toContain('"code":"timeout"');
    expect(verify({ lines: [first, second], ms: 1, trailers: {} }, sent, airports, 'ordered').faults[0]).toContain(
      'trailer',
    );
  });
});
