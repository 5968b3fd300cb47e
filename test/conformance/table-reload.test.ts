import { describe, expect, test } from 'vitest';
import { tableOptions } from '../../src/connectors/table/table-options.ts';
import { complaints } from '../config/loading.ts';
import { openTable, type OpenTable, rows } from '../connectors/reloaded.ts';

const tenSeconds = 10_000;
const julian = { 1: 'Julian', 4: 'Fabian' };

const nameOf = (table: OpenTable, key: number): unknown => {
  const { json } = table.find(key);
  return json === undefined ? undefined : JSON.parse(json).name;
};

describe('LookupFullCacheTest: a table that is read again', () => {
  test('LFC-1 a row that is added to the file is a miss until it is read, and found afterwards; close ends the reloads', async () => {
    const table = await openTable(rows(julian), { every: '10s' });
    expect(nameOf(table, 2)).toBeUndefined();
    await table.replace(rows({ ...julian, 2: 'Jark' }));
    expect(nameOf(table, 2)).toBeUndefined();
    await table.beat(tenSeconds);
    expect(nameOf(table, 2)).toBe('Jark');
    expect(table.heard.table()).toEqual({ rows: 3, reloads: { ok: 1, failed: 0 }, current: true });
    await table.connector.close();
    expect(table.clock.timers).toBe(0);
    expect(() => table.find(2)).toThrow('not open');
  });

  test('LFC-2 a changed row has its old values until the file is read again', async () => {
    const table = await openTable(rows(julian), { every: '10s' });
    await table.replace(rows({ ...julian, 4: 'Frank' }));
    expect(nameOf(table, 4)).toBe('Fabian');
    await table.beat(tenSeconds);
    expect(nameOf(table, 4)).toBe('Frank');
  });

  test('LFC-3 a removed row is found until the file is read again, and then a miss', async () => {
    const table = await openTable(rows(julian), { every: '10s' });
    await table.replace(rows({ 4: 'Fabian' }));
    expect(nameOf(table, 1)).toBe('Julian');
    await table.beat(tenSeconds);
    expect(nameOf(table, 1)).toBeUndefined();
    expect(nameOf(table, 4)).toBe('Fabian');
  });

  test('LFC-4 a reload that fails keeps the rows and logs the reason, and the next one is made (departs: in Flink every lookup fails from then on)', async () => {
    const table = await openTable(rows(julian), { every: '10s' });
    await table.replace('{"id":1,');
    await table.beat(tenSeconds);
    expect(nameOf(table, 1)).toBe('Julian');
    expect(table.said).toEqual([
      expect.stringMatching(
        /^error table rows\.ndjson: not read again, its rows stay as they were: line 1 is not JSON/,
      ),
    ]);
    expect(table.heard.table()).toEqual({ rows: 2, reloads: { ok: 0, failed: 1 }, current: false });
    await table.replace(rows({ 1: 'Jackson' }));
    await table.beat(tenSeconds);
    expect(nameOf(table, 1)).toBe('Jackson');
    expect(table.heard.table()).toEqual({ rows: 1, reloads: { ok: 1, failed: 1 }, current: true });
  });

  test('LFC-5 a table has no function that adds or removes a row', async () => {
    const { connector } = await openTable(rows(julian), { every: '10s' });
    expect(Object.keys(connector).toSorted()).toEqual([
      'call',
      'callMany',
      'close',
      'describe',
      'immediate',
      'keepable',
      'largestAnswerBytes',
      'open',
      'reach',
      'runsUserCode',
    ]);
  });

  test('LFC-6 neither a found row nor a missing one counts as a failed call (adapted: a miss has a count of its own)', async () => {
    const table = await openTable(rows(julian), { every: '10s' });
    table.find(1);
    table.find(2);
    expect(table.heard.outcomes).toEqual(['ok', 'miss']);
  });
});

/** A configuration whose table has this `reload`. */
const withReload = (reload: string): string => `
lookups:
  airport:
    table: { file: airports.csv, key: iata, reload: ${reload} }
pipelines:
  flights:
    enrich:
      - { lookup: airport, with: { iata: /origin }, into: /originAirport }
`;
const at = 'millrace.yaml:4:53 lookups.airport.table.reload';

const reloadOf = (reload: object): unknown => tableOptions.parse({ file: 'a.csv', key: 'k', reload }).reload;

describe('PeriodicCacheReloadTriggerTest', () => {
  test('PRT-1 fixed delay: the file is read at open, and then once per period until close', async () => {
    const table = await openTable(rows(julian), { every: '10s' });
    expect(table.clock.timers).toBe(1);
    expect(table.heard.table().reloads.ok).toBe(0);
    for (const readings of [1, 2, 3]) {
      await table.clock.advance(tenSeconds - 1);
      expect(table.heard.table().reloads.ok).toBe(readings - 1);
      await table.beat(1);
      expect(table.heard.table().reloads.ok).toBe(readings);
    }
    await table.connector.close();
    expect(table.clock.timers).toBe(0);
  });

  test('PRT-1 fixed rate: a reload longer than the period is not overlapped by another (departs: the period starts at its end)', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, id) => [id, 'row']));
    const table = await openTable(rows(many), { every: '10s' });
    await table.clock.advance(tenSeconds);
    await table.clock.advance(3 * tenSeconds);
    expect(table.heard.table().reloads.ok).toBe(0);
    expect(table.clock.timers).toBe(0);
    await table.beat(0);
    expect(table.heard.table().reloads.ok).toBe(1);
    await table.clock.advance(tenSeconds - 1);
    expect(table.clock.timers).toBe(1);
    await table.beat(1);
    expect(table.heard.table().reloads.ok).toBe(2);
  });

  test.each([
    ['0s', /above 0s/],
    ['-1s', /expected a duration such as 250ms, 5s/],
    ['25h', /up to 24h/],
  ])('PRT-2 an interval of %s is refused, because it is not a positive duration', (every, message) => {
    const [complaint, ...others] = complaints(withReload(`{ every: ${every} }`));
    expect(others).toEqual([]);
    expect(complaint).toMatch(message);
    expect(complaint).toContain(`lookups.airport.table.reload.every: expected a duration`);
    expect(complaint).toContain(`got "${every}"`);
  });

  test('PRT-3 a wrong type, an unknown strategy and a missing interval are refused, and the message has the valid values', () => {
    expect(complaints(withReload('periodic'))).toEqual([`${at}: expected a map, got "periodic"`]);
    expect(complaints(withReload('{ evry: 10s }'))).toEqual([expect.stringContaining('did you mean "every"?')]);
    for (const reload of ['{}', '{ onChange: true, every: 10s }']) {
      expect(complaints(withReload(reload))).toEqual([
        `${at}: expected exactly one of onChange: true and every: a duration such as 10s`,
      ]);
    }
    expect(complaints(withReload('{ onChange: false }'))).toEqual([
      expect.stringContaining(
        'reload.onChange: expected true; leave reload out for a table that is read only with the configuration',
      ),
    ]);
  });

  test('PRT-3 both strategies are accepted', () => {
    expect(reloadOf({ every: '10s' })).toEqual({ every: tenSeconds });
    expect(reloadOf({ onChange: true })).toEqual({ onChange: true });
  });
});
