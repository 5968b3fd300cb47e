import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8's settings for a process whose memory has to stay flat under a stream, measured with 210 MB of lines.
 *
 * By default the young generation grows to more than 100 MB, because in a stream there is always something that
 * survives a scavenge; and the old one is first looked at when it has doubled and more. With both bounded the largest
 * resident set falls from 255 MB to 142 (lines of 4 kB, HTTP lookups) and from 180 to 121 (lines of 200 B, a table).
 * 8 MB is the least that costs nothing: with 4, what is in flight survives into the old generation, and a record over
 * HTTP takes 1.23 times the CPU; with 32 it takes what it takes with 8.
 *
 * V8 puts objects of a kind into the old generation from the start once a hundred of them have outlived a scavenge,
 * and never takes that back: the hundred records that are in flight at one moment are enough. From then on half of the
 * time goes into collecting the old generation (263 collections in place of 3, 6.0 us a line in place of 1.5).
 */
const flags = ['--max-semi-space-size=8', '--heap-growing-percent=30', '--no-allocation-site-pretenuring'] as const;

/**
 * The allocator's setting for the same process (glibc; others do not look at it). Buffers are freed by threads of V8
 * that have an arena each, and what is free in one is not used by the others: with one arena for all the largest
 * resident set of the same stream is 130 to 133 MB in place of 140 to 149.
 */
const allocator = { MALLOC_ARENA_MAX: '1' } as const;

/**
 * Replaces this process by itself with these settings: V8 and the allocator take them only at the start. The process
 * keeps its number, its files and its arguments. Returns where that is not needed or not possible: the settings are
 * there, one who starts it by `node --max-semi-space-size=…` has chosen others, the system has no execve (Windows), or
 * the parent listens on a channel that would be lost.
 */
export function boundHeap(): void {
  const { execPath, execArgv, argv, channel } = process;
  const chosen = execArgv.some((option) => option.replaceAll('_', '-').startsWith('--max-semi-space-size'));
  if (process.execve === undefined || chosen || (channel !== undefined && channel !== null)) return;
  try {
    // What the user has set there stays.
    process.execve(execPath, [execPath, ...flags, ...execArgv, ...argv.slice(1)], { ...allocator, ...process.env });
  } catch {
    // Forbidden here, as under Node's permission model: it runs all the same, with more memory.
  }
}

/**
 * Collects once what the start has left behind. Until the first collection V8 lets the heap grow by what stood in it,
 * and of 28 MB after the start a third is garbage: without this the largest resident set is 143 to 165 MB instead of 142.
 * Borrowed (docs/dependencies.md): V8 does not promise its options, such as `--expose-gc`.
 */
export function collectStart(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect();
}
