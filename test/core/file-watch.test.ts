import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FileWatch, fingerprintOf } from '../../src/core/file-watch.ts';
import { systemClock } from '../../src/core/time/time.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-watch-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** The files, with the fingerprints of their present state. */
function read(...files: readonly string[]): ReadonlyMap<string, string> {
  return new Map(files.map((file) => [file, fingerprintOf(file)]));
}

/** A watch, and a function that makes it check so many times and gives the changes that each check reported. */
function watched(...files: readonly string[]) {
  const clock = virtualClock();
  let changes = 0;
  const watch = new FileWatch({ clock, everyMs: 1000, onChange: () => changes++ });
  watch.follow(read(...files));
  const checks = async (count: number): Promise<number[]> => {
    const found: number[] = [];
    for (let check = 0; check < count; check++) {
      const before = changes;
      await watch.check();
      found.push(changes - before);
    }
    return found;
  };
  return { clock, watch, checks };
}

test('a change is reported once, by the second check that finds the same version', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const { checks } = watched(file);
  expect(await checks(2)).toEqual([0, 0]);
  writeFileSync(file, 'three');
  expect(await checks(4)).toEqual([0, 1, 0, 0]);
});

test('a file that is being written is not reported until two checks find the same version', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, '1');
  const { checks } = watched(file);
  for (const text of ['12', '123', '1234']) {
    writeFileSync(file, text);
    expect(await checks(1)).toEqual([0]);
  }
  expect(await checks(2)).toEqual([1, 0]);
});

test('a file that replaces the old one by a rename is a change: editors save like that', async () => {
  const path = folder();
  const [file, saved] = [join(path, 'a'), join(path, 'a.new')];
  writeFileSync(file, 'one');
  const { checks } = watched(file);
  writeFileSync(saved, 'two');
  renameSync(saved, file);
  expect(await checks(3)).toEqual([0, 1, 0]);
});

test('a link that changes in a folder above changes every file below, in one report, as when Kubernetes swaps a ConfigMap', async () => {
  const path = folder();
  const names = ['a', 'b'];
  const publish = (version: string): void => {
    mkdirSync(join(path, version));
    for (const name of names) writeFileSync(join(path, version, name), 'same');
    symlinkSync(version, join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, '..data'));
  };
  publish('..1');
  for (const name of names) symlinkSync(join('..data', name), join(path, name));
  const { checks } = watched(...names.map((name) => join(path, name)));
  publish('..2');
  expect(await checks(3)).toEqual([0, 1, 0]);
});

test('a file that is removed is a change, and so is one that appears', async () => {
  const file = join(folder(), 'a');
  const { checks } = watched(file);
  expect(await checks(2)).toEqual([0, 0]);
  writeFileSync(file, 'one');
  expect(await checks(3)).toEqual([0, 1, 0]);
  unlinkSync(file);
  expect(await checks(3)).toEqual([0, 1, 0]);
});

test('a write between reading and watching is a change', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const version = read(file);
  writeFileSync(file, 'two!');
  const { watch, checks } = watched();
  watch.follow(version);
  expect(await checks(3)).toEqual([0, 1, 0]);
});

test('a version that its owner has read again in the meantime is no change', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const { watch, checks } = watched(file);
  writeFileSync(file, 'two!');
  expect(await checks(1)).toEqual([0]);
  watch.add(read(file));
  expect(await checks(2)).toEqual([0, 0]);
});

test('a change of a file that is no longer watched is not reported, even if a check of it is running', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const { watch, checks } = watched(file);
  writeFileSync(file, 'two!');
  expect(await checks(1)).toEqual([0]);
  const asked = watch.check();
  watch.follow(new Map());
  await asked;
  expect(await checks(1)).toEqual([0]);
});

test('a path that is not a file, such as a pipe, never changes', async () => {
  const path = folder();
  const { checks } = watched(path);
  writeFileSync(join(path, 'a'), '');
  expect(await checks(3)).toEqual([0, 0, 0]);
});

test('it checks at its interval while there are files, and has no timer otherwise', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const { clock, watch } = watched();
  expect(clock.timers).toBe(0);
  watch.follow(read(file));
  expect(clock.timers).toBe(1);
  watch.add(read(join(file, 'b')));
  expect(clock.timers).toBe(1);
  watch.follow(new Map());
  expect(clock.timers).toBe(0);
  watch.follow(read(file));
  watch.close();
  expect(clock.timers).toBe(0);
  watch.follow(read(file));
  expect(clock.timers).toBe(0);
});

test('on a real clock a change is reported without a call, and nothing runs after the end', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  let changes = 0;
  await new Promise<void>((resolve) => {
    const onChange = (): void => {
      changes++;
      watch.close();
      resolve();
    };
    const watch = new FileWatch({ clock: systemClock, everyMs: 5, onChange });
    watch.follow(read(file));
    writeFileSync(file, 'two!');
  });
  expect(changes).toBe(1);
});
