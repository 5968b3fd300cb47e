import { mkdir, rename, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/core/time/virtual-clock.ts';
import { connectorOf } from '../../../src/connectors/registry.ts';
import { table } from '../../../src/connectors/table/table.ts';
import { tableOptions } from '../../../src/connectors/table/table-options.ts';
import { runtimeFor } from '../http/far-end.ts';
import { openTable, type OpenTable, rows, temporaryFolder } from '../reloaded.ts';

const second = 1000;
const onChange = { onChange: true };

const json = (it: OpenTable, key: number): unknown => JSON.parse(it.find(key).json ?? 'null')?.name;
const reloads = ({ heard }: OpenTable): unknown => heard.table().reloads;

/** A new version of a ConfigMap, as Kubernetes puts it into a mounted folder. */
const publish = async (folder: string, name: string, content: string): Promise<void> => {
  await mkdir(join(folder, name));
  await writeFile(join(folder, name, 'rows.ndjson'), content);
  await symlink(name, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
};

describe('a table with reload on change', () => {
  test('is not read again while its file does not change', async () => {
    const it = await openTable(rows({ 1: 'a' }), onChange);
    for (let beat = 0; beat < 5; beat++) await it.beat(second);
    expect(reloads(it)).toEqual({ ok: 0, failed: 0 });
  });

  test('reads a file that was renamed to its name within two seconds, and logs it', async () => {
    const it = await openTable(rows({ 1: 'a' }), onChange);
    await it.replace(rows({ 1: 'b' }));
    await it.beat(second);
    await it.beat(second);
    expect(json(it, 1)).toBe('b');
    expect(it.said).toEqual(['info table rows.ndjson: read again, 1 rows']);
  });

  test('reads a file that is written in place only after a second without a change', async () => {
    const it = await openTable(rows({ 1: 'a', 2: 'a' }), onChange);
    const file = join(it.folder, 'rows.ndjson');
    await truncate(file, 0);
    await it.beat(second);
    await writeFile(file, rows({ 1: 'b' }));
    await it.beat(second);
    expect(json(it, 2)).toBe('a');
    await writeFile(file, rows({ 1: 'b', 2: 'b' }));
    await it.beat(second);
    expect(json(it, 2)).toBe('a');
    await it.beat(second);
    expect([json(it, 1), json(it, 2)]).toEqual(['b', 'b']);
    expect(reloads(it)).toEqual({ ok: 1, failed: 0 });
  });

  test('reads a file of the same size and the same time of change', async () => {
    const it = await openTable(rows({ 1: 'a' }), onChange);
    const file = join(it.folder, 'rows.ndjson');
    const { atime, mtime } = await stat(file);
    await it.replace(rows({ 1: 'b' }));
    await utimes(file, atime, mtime);
    await it.beat(second);
    await it.beat(second);
    expect(json(it, 1)).toBe('b');
  });

  test('follows the link that Kubernetes replaces when a ConfigMap changes', async () => {
    const it = await openTable(async (folder) => {
      await publish(folder, '..2026_01', rows({ 1: 'a' }));
      await symlink('..data/rows.ndjson', join(folder, 'rows.ndjson'));
    }, onChange);
    expect(json(it, 1)).toBe('a');
    await publish(it.folder, '..2026_02', rows({ 1: 'b' }));
    await rm(join(it.folder, '..2026_01'), { recursive: true });
    await it.beat(second);
    await it.beat(second);
    expect(json(it, 1)).toBe('b');
  });

  test('keeps its rows while there is no file, logs that once, and reads the file when it is back', async () => {
    const it = await openTable(rows({ 1: 'a' }), onChange);
    const file = join(it.folder, 'rows.ndjson');
    await rm(file);
    for (let beat = 0; beat < 3; beat++) await it.beat(second);
    expect(json(it, 1)).toBe('a');
    expect(it.said).toEqual([expect.stringMatching(/^error table rows\.ndjson: not read again.*ENOENT/)]);
    expect(it.heard.table()).toEqual({ rows: 1, reloads: { ok: 0, failed: 1 }, current: false });
    await writeFile(file, rows({ 1: 'b' }));
    await it.beat(second);
    await it.beat(second);
    expect(json(it, 1)).toBe('b');
    expect(it.heard.table().current).toBe(true);
  });

  test('tries again to read a file that cannot be read, and logs the reason once', async () => {
    const it = await openTable(rows({ 1: 'a' }), onChange);
    const file = join(it.folder, 'rows.ndjson');
    await rm(file);
    await mkdir(file);
    for (let beat = 0; beat < 6; beat++) await it.beat(second);
    expect(it.heard.table()).toEqual({ rows: 1, reloads: { ok: 0, failed: 3 }, current: false });
    expect(it.said).toEqual([expect.stringContaining('EISDIR')]);
    await rm(file, { recursive: true });
    await it.replace(rows({ 1: 'b' }));
    for (let beat = 0; beat < 2; beat++) await it.beat(second);
    expect(json(it, 1)).toBe('b');
  });

  test('reads a refused file once, and again when it has changed', async () => {
    const it = await openTable(rows({ 1: 'a' }), onChange);
    await it.replace('{"id":1}\n{"id":1}\n');
    for (let beat = 0; beat < 5; beat++) await it.beat(second);
    expect(it.said).toEqual([expect.stringContaining('line 2 has the key "1", which line 1 has already')]);
    expect(it.heard.table()).toEqual({ rows: 1, reloads: { ok: 0, failed: 1 }, current: false });
    expect(json(it, 1)).toBe('a');
    await it.replace(rows({ 1: 'b' }));
    await it.beat(second);
    await it.beat(second);
    expect(json(it, 1)).toBe('b');
    expect(it.heard.table().current).toBe(true);
  });
});

const manyRows = (name: string): string =>
  rows(Object.fromEntries(Array.from({ length: 5000 }, (_, id) => [id, name])));

describe('a table that is being read again', () => {
  test.each(['rows.ndjson', 'rows.csv', 'rows.json'])(
    'answers from the old rows until all the new ones are there: %s',
    async (file) => {
      const content = (name: string): string => {
        if (file.endsWith('.ndjson')) return manyRows(name);
        if (file.endsWith('.json')) return `[${manyRows(name).trim().replaceAll('\n', ',')}]`;
        return `id,name\n${Array.from({ length: 5000 }, (_, id) => `${id},${name}\n`).join('')}`;
      };
      const it = await openTable(content('old'), { every: '10s' }, { file });
      await it.replace(content('new'), file);
      const seen = new Set<string>();
      await it.clock.advance(10 * second);
      while (it.clock.timers === 0) {
        seen.add(`${String(json(it, 0))} ${String(json(it, 4999))}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      seen.add(`${String(json(it, 0))} ${String(json(it, 4999))}`);
      expect([...seen]).toEqual(['old old', 'new new']);
    },
  );

  test('can be closed: the reading ends, and no timer is left', async () => {
    const it = await openTable(manyRows('old'), { every: '10s' });
    await it.clock.advance(10 * second);
    expect(it.clock.timers).toBe(0);
    await it.connector.close();
    expect(it.clock.timers).toBe(0);
    expect(reloads(it)).toEqual({ ok: 0, failed: 0 });
    expect(it.said).toEqual([]);
  });
});

test('a table without reload has no timer', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'rows.ndjson'), rows({ 1: 'a' }));
  const clock = virtualClock();
  const connector = table.create(tableOptions.parse({ file: 'rows.ndjson', key: 'id' }), {
    ...runtimeFor(undefined, folder),
    clock,
  });
  await connector.open();
  expect(clock.timers).toBe(0);
  await connector.close();
});

const filesOf = (reload: object): readonly string[] =>
  connectorOf({ table: tableOptions.parse({ file: 'a.csv', key: 'k', ...reload }) }).files;

test('a table with reload follows its file itself: a reload of the configuration does not open it again', () => {
  expect(filesOf({})).toEqual(['a.csv']);
  expect(filesOf({ reload: onChange })).toEqual([]);
  expect(filesOf({ reload: { every: '10s' } })).toEqual([]);
});

test('a table that cannot be opened leaves no timer', async () => {
  const clock = virtualClock();
  const options = tableOptions.parse({ file: 'none.csv', key: 'id', reload: { every: '1s' } });
  const connector = table.create(options, { ...runtimeFor(), clock });
  await expect(connector.open()).rejects.toThrow('ENOENT');
  expect(clock.timers).toBe(0);
});
