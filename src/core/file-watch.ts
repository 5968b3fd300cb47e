import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Clock } from './time/time.ts';

/**
 * Which content a name leads to, as far as the file system tells without reading it: two that differ are two
 * versions. Links are followed, so that a folder of Kubernetes, whose `..data` is turned to another folder, shows
 * other files. What can not be looked at has a fingerprint as well.
 */
export type Fingerprint = string;

/**
 * Takes it now. Take it before the file is read, not after: what is written in between is then a change that is seen,
 * and not one that is missed.
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
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** Some of the files have changed, have come or have gone. Called once for all that one look finds. */
  readonly onChange: () => void;
}

interface Watched {
  /** What the owner knows of. */
  known: Fingerprint;
  /** Another one that the last look found. */
  pending: Fingerprint | undefined;
}

/**
 * Looks at files again and again, by name.
 *
 *     known A    looks: A   B   B ─▶ change, known B       written to in place: A  B  C  C ─▶ change
 *
 * A change counts when two looks after each other find the same, so that nobody reads a file half written; it is told
 * at most two intervals late. Notifications of the kernel would be sooner, but they tell of a name in one folder: they
 * miss a link that is turned further up and files on a network, and a process may have few of them.
 * The timer runs while there are files to look at, and keeps the process alive.
 */
export class FileWatch {
  readonly #options: FileWatchOptions;
  #files = new Map<string, Watched>();
  #disarm: (() => void) | undefined;
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
  }

  /** Looks at these from now on, each from the version that its owner has read, and at no others. */
  follow(files: ReadonlyMap<string, Fingerprint>): void {
    this.#files = new Map();
    this.add(files);
  }

  /** Looks at these as well. Of a file that is watched already it takes the version as the one that its owner knows. */
  add(files: ReadonlyMap<string, Fingerprint>): void {
    if (this.#closed) return;
    for (const [file, known] of files) this.#files.set(file, { known, pending: undefined });
    if (this.#files.size === 0) this.#rest();
    else if (this.#disarm === undefined) this.#arm();
  }

  /** Nothing is told any more. */
  close(): void {
    this.#closed = true;
    this.#files.clear();
    this.#rest();
  }

  /** One look at every file, in its turn or out of it. */
  async look(): Promise<void> {
    const watched = [...this.#files];
    const found = await Promise.all(watched.map(([file]) => fingerprint(file)));
    let changed = false;
    for (const [index, [file, state]] of watched.entries()) {
      // Given up, or taken anew by its owner, while the file system was asked.
      if (this.#files.get(file) !== state) continue;
      changed = settled(state, found[index] ?? state.known) || changed;
    }
    if (changed) this.#options.onChange();
  }

  #arm(): void {
    const { clock, everyMs } = this.#options;
    this.#disarm = clock.setTimer(everyMs, () => void this.#turn());
  }

  async #turn(): Promise<void> {
    const armed = this.#disarm;
    await this.look();
    // Otherwise it has come to rest meanwhile, and may have been armed anew.
    if (armed !== undefined && this.#disarm === armed) this.#arm();
  }

  #rest(): void {
    this.#disarm?.();
    this.#disarm = undefined;
  }
}

/** Whether the file has changed and come to rest; its new version is known from then on. */
function settled(state: Watched, found: Fingerprint): boolean {
  const twice = found === state.pending;
  state.pending = found === state.known ? undefined : found;
  if (!twice || state.pending === undefined) return false;
  state.known = found;
  state.pending = undefined;
  return true;
}
