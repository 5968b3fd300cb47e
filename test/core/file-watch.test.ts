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

/** Files as their owner has just read them. */
function read(...files: readonly string[]): ReadonlyMap<string, string> {
  return new Map(files.map((file) => [file, fingerprintOf(file)]));
}

/** A watch that looks when it is told to, and what each look found: 1 for a change. */
function watched(...files: readonly string[]) {
  const clock = virtualClock();
  let changes = 0;
  const watch = new FileWatch({ clock, everyMs: 1000, onChange: () => changes++ });
  watch.follow(read(...files));
  const looks = async (count: number): Promise<number[]> => {
    const found: number[] = [];
    for (let look = 0; look < count; look++) {
      const before = changes;
      await watch.look();
      found.push(changes - before);
    }
    return found;
  };
  return { clock, watch, looks };
}

test('a change is told once, by the second look that finds the same', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const { looks } = watched(file);
  expect(await looks(2)).toEqual([0, 0]);
  writeFileSync(file, 'three');
  expect(await looks(4)).toEqual([0, 1, 0, 0]);
});

test('a file that is being written is left alone until it rests', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, '1');
  const { looks } = watched(file);
  for (const text of ['12', '123', '1234']) {
    writeFileSync(file, text);
    expect(await looks(1)).toEqual([0]);
  }
  expect(await looks(2)).toEqual([1, 0]);
});

test('another file moved over it is a change, as editors save', async () => {
  const path = folder();
  const [file, saved] = [join(path, 'a'), join(path, 'a.new')];
  writeFileSync(file, 'one');
  const { looks } = watched(file);
  writeFileSync(saved, 'two');
  renameSync(saved, file);
  expect(await looks(3)).toEqual([0, 1, 0]);
});

test('a link turned further up is a change of every file below, told together, as Kubernetes swaps a ConfigMap', async () => {
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
  const { looks } = watched(...names.map((name) => join(path, name)));
  publish('..2');
  expect(await looks(3)).toEqual([0, 1, 0]);
});

test('a file that goes is a change, and so is one that comes', async () => {
  const file = join(folder(), 'a');
  const { looks } = watched(file);
  expect(await looks(2)).toEqual([0, 0]);
  writeFileSync(file, 'one');
  expect(await looks(3)).toEqual([0, 1, 0]);
  unlinkSync(file);
  expect(await looks(3)).toEqual([0, 1, 0]);
});

test('what was written between reading and watching is a change', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const version = read(file);
  writeFileSync(file, 'two!');
  const { watch, looks } = watched();
  watch.follow(version);
  expect(await looks(3)).toEqual([0, 1, 0]);
});

test('what its owner has read anew in the meantime is no change', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const { watch, looks } = watched(file);
  writeFileSync(file, 'two!');
  expect(await looks(1)).toEqual([0]);
  watch.add(read(file));
  expect(await looks(2)).toEqual([0, 0]);
});

test('an answer of the file system about a file that is no longer watched is not told', async () => {
  const file = join(folder(), 'a');
  writeFileSync(file, 'one');
  const { watch, looks } = watched(file);
  writeFileSync(file, 'two!');
  expect(await looks(1)).toEqual([0]);
  const asked = watch.look();
  watch.follow(new Map());
  await asked;
  expect(await looks(1)).toEqual([0]);
});

test('what is no file, such as a pipe, never changes', async () => {
  const path = folder();
  const { looks } = watched(path);
  writeFileSync(join(path, 'a'), '');
  expect(await looks(3)).toEqual([0, 0, 0]);
});

test('it looks by itself while there are files, and holds no timer otherwise', async () => {
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

test('on a real clock a change is told without anybody asking, and nothing runs on after the end', async () => {
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
