import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Clock } from './time/time.ts';

/**
 * The version of the file at a path, made from its metadata and not from its content: two fingerprints that differ are
 * two versions. Links are followed: when Kubernetes points `..data` of a mounted folder to another folder, every file
 * below it has another fingerprint. A file that cannot be examined has a fingerprint as well, made from the error.
 */
export type Fingerprint = string;

/**
 * The fingerprint of a file now. Call it before the file is read, not after: a write between the two calls is then
 * found as a change, and is not missed.
 */
export function fingerprintOf(file: string): Fingerprint {
  try {
    return written(statSync(file, { bigint: true }));
  } catch (error) {
    return missing(error);
  }
}

async function fingerprint(file: string): Promise<Fingerprint> {
  try {
    return written(await stat(file, { bigint: true }));
  } catch (error) {
    return missing(error);
  }
}

function written(stats: BigIntStats): Fingerprint {
  // A pipe or a terminal (`-c /dev/stdin`) has times that change with each reading.
  if (!stats.isFile()) return 'no file';
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}

function missing(error: unknown): Fingerprint {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

export interface FileWatchOptions {
  readonly clock: Clock;
  /** Milliseconds between two checks. */
  readonly everyMs: number;
  /** Called when files have changed, have appeared or have been removed: once for all changes that one check finds. */
  readonly onChange: () => void;
}

interface Watched {
  /** The version that the owner has read. */
  known: Fingerprint;
  /** Another version, which the last check found. */
  pending: Fingerprint | undefined;
}

/**
 * Checks files by path at an interval, and reports changes.
 *
 *     known A    checks: A   B   B ─▶ change, known B       written in place: A  B  C  C ─▶ change
 *
 * A change is reported when two checks in a row find the same new version, so that a file is not read while it is half
 * written; the report comes at most two intervals late. Notifications of the kernel would be faster, but they watch a
 * name in one folder: they miss a link that is changed in a folder above, and files on a network, and the number of
 * notifications of a process is small. The timer runs while files are watched, and keeps the process alive.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  #files = new Map<string, Watched>();
  #disarm: (() => void) | undefined;
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  /** Watches these files from now on, each from the version that its owner has read, and no other files. */
  follow(files: ReadonlyMap<string, Fingerprint>): void {
    this.#files = new Map();
    this.add(files);
  }

  /** Watches these files as well. For a file that is watched already, the version given here becomes the known one. */
  add(files: ReadonlyMap<string, Fingerprint>): void {
    if (this.#closed) return;
    for (const [file, known] of files) this.#files.set(file, { known, pending: undefined });
    if (this.#files.size === 0) this.#stopTimer();
    else if (this.#disarm === undefined) this.#arm();
  }

  /** Ends the watch: no change is reported from now on. */
  close(): void {
    this.#closed = true;
    this.#files.clear();
    this.#stopTimer();
  }

  /** Checks every file once, now. */
  async check(): Promise<void> {
    const watched = [...this.#files];
    const found = await Promise.all(watched.map(([file]) => fingerprint(file)));
    let changed = false;
    for (const [index, [file, state]] of watched.entries()) {
      // While the file system was called, the owner removed the file or set another known version.
      if (this.#files.get(file) !== state) continue;
      changed = hasSettled(state, found[index] ?? state.known) || changed;
    }
    if (changed) this.#options.onChange();
  }

  #arm(): void {
    const { clock, everyMs } = this.#options;
    this.#disarm = clock.setTimer(everyMs, () => void this.#checkAndArm());
  }

  async #checkAndArm(): Promise<void> {
    const armed = this.#disarm;
    await this.check();
    // If the timer differs, it was stopped during the check, and may have been armed again.
    if (armed !== undefined && this.#disarm === armed) this.#arm();
  }

  #stopTimer(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }
}

/** Whether the file has changed and two checks in a row found the same version, which is the known one from then on. */
function hasSettled(state: Watched, found: Fingerprint): boolean {
  const twice = found === state.pending;
  state.pending = found === state.known ? undefined : found;
  if (!twice || state.pending === undefined) return false;
  state.known = found;
  state.pending = undefined;
  return true;
}
