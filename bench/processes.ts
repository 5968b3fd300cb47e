import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import type { Figures } from './figures.ts';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time of all threads of a process so far, in microseconds; Linux only. */
function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may have any character; utime and stime are the 12th and 13th field after it (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
}

export type Order = Readonly<Record<string, number | string>>;

/** A program of `bench/programs` in a process of its own, which runs one order at a time. */
export interface Worker {
  readonly pid: number;
  /** The first message of the program, for example its port. */
  readonly ready: Figures;
  run(order: Order): Promise<Figures>;
}

/** Its standard output goes to /dev/null: a program that writes pays for the write, and no process reads. */
export async function startWorker(
  bench: Bench,
  program: string,
  args: readonly string[] = [],
  root = join(import.meta.dirname, '..'),
): Promise<Worker> {
  const child = fork(join(root, 'bench', 'programs', program), args, {
    stdio: ['ignore', openSync('/dev/null', 'w'), 'inherit', 'ipc'],
  });
  bench.defer(() => stop(child));
  const ready = await nextMessage(child, program);
  return {
    pid: child.pid ?? 0,
    ready,
    run(order) {
      child.send(order);
      return nextMessage(child, program);
    },
  };
}

async function nextMessage(child: ChildProcess, program: string): Promise<Figures> {
  const ended = new AbortController();
  try {
    const [message]: unknown[] = await Promise.race([
      once(child, 'message', { signal: ended.signal }),
      once(child, 'exit', { signal: ended.signal }).then(() => []),
    ]);
    if (typeof message === 'object' && message !== null) return message as Figures;
    throw new Error(
      `${program} ${typeof message === 'string' ? `failed: ${message}` : 'ended before it had answered'}`,
    );
  } finally {
    ended.abort();
  }
}

/** Ends a child process and waits until it is gone. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** One run, with the CPU that the process used during it as `cpuMicros`. */
export async function withCpu(pid: number, run: () => Promise<Figures>): Promise<Figures> {
  const before = cpuMicros(pid);
  const figures = await run();
  return { ...figures, cpuMicros: cpuMicros(pid) - before };
}
