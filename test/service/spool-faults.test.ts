import { execFileSync } from 'node:child_process';
import { readdirSync, statfsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { filesOf } from '../http/spool/files-of.ts';
import { LateReader, mounted, serveSpooling, type Spooling, untilOnDisk } from './spooling.ts';

const patient = 180_000;

/** Bytes that are in use on the file system that the process sees at its spool. */
function usedBytes({ pid, dir }: Spooling): number {
  const { blocks, bfree, bsize } = statfsSync(`/proc/${pid}/root${dir}`);
  return (blocks - bfree) * bsize;
}

/** The lowest descriptor that is not in use: a process that may open only those below it can open no file. */
function lowestUnused(pid: number): number {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let lowest = 0;
  while (used.has(lowest)) lowest += 1;
  return lowest;
}

const setOpenFiles = (pid: number, soft: number): void => {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`]);
};

/** A stream that reads each line before it sends the next one. */
async function reading(spooling: Spooling): Promise<() => Promise<void>> {
  const stream = await LateReader.open(spooling, 'duplex=full&control=true&checkpoint=1');
  let next = 0;
  return async () => {
    stream.send(1);
    next += 1;
    await stream.until(`{"$checkpoint":{"next":${next},"pending":[]}}`);
  };
}

/** A further stream is spooled, and read to its end. `written`: records that the other open streams have written. */
async function spoolsAgain(spooling: Spooling, written: number): Promise<void> {
  const stream = await LateReader.open(spooling);
  stream.send(300);
  await untilOnDisk(spooling, written + 300);
  stream.end();
  expect(await stream.last()).toContain('Millrace-Written: 300');
}

test(
  'a disk that is full ends the stream that needs more of it with spool_full, and no other',
  { timeout: patient },
  async () => {
    const spooling = await serveSpooling('', (dir) => ({ within: mounted(dir, 'size=32m') }));
    const { service } = spooling;
    const goesOn = await reading(spooling);
    await goesOn();
    const first = await LateReader.open(spooling);
    first.send(300);
    await untilOnDisk(spooling, 301);
    const tooMuch = await LateReader.open(spooling);
    tooMuch.send(800);
    await service.says(/"code":"spool_full"/);
    await goesOn();
    const last = await tooMuch.last();
    expect(last).toContain('{"$fatal":{');
    expect(last).toContain('"code":"spool_full"');
    expect(last).toContain('the disk of server.spool.dir is full (ENOSPC)');
    expect(last).not.toContain('Millrace-Status');
    first.end();
    expect(await first.last()).toMatch(/Millrace-Status: complete\r\n[^]*Millrace-Written: 300\r\n/);
    await goesOn();
    // Its room is free again.
    await spoolsAgain(spooling, 3);
    await goesOn();
    expect(await service.admin.metric('millrace_spool_refused_total')).toBe(1);
    await expect.poll(() => usedBytes(spooling), { timeout: patient }).toBe(0);
  },
);

test(
  'a process that may open no more files ends the stream that needs one with spool_full, and no other',
  { timeout: patient },
  async () => {
    const spooling = await serveSpooling();
    const { service, pid } = spooling;
    const goesOn = await reading(spooling);
    await goesOn();
    const tooMuch = await LateReader.open(spooling);
    // Its head was read, so that its connection is open.
    tooMuch.send(1);
    await expect.poll(async () => (await service.admin.state()).streams.length, { timeout: patient }).toBe(2);
    setOpenFiles(pid, lowestUnused(pid));
    tooMuch.send(400);
    await service.says(/"code":"spool_full"/);
    await goesOn();
    const last = await tooMuch.last();
    expect(last).toContain('{"$fatal":{');
    expect(last).toContain('the process may open no more files (ulimit -n) (EMFILE)');
    expect(last).not.toContain('Millrace-Status');
    setOpenFiles(pid, 1024);
    await goesOn();
    await spoolsAgain(spooling, 3);
  },
);

test('a service that is killed while it spools leaves no file in its directory', { timeout: patient }, async () => {
  const spooling = await serveSpooling();
  const { service, pid, dir } = spooling;
  const stream = await LateReader.open(spooling);
  stream.send(400);
  await untilOnDisk(spooling, 400);
  expect(filesOf(dir, pid).bytes).toBeGreaterThan(1_000_000);
  service.child.kill('SIGKILL');
  await service.ended;
  expect(readdirSync(dir)).toEqual([]);
});
