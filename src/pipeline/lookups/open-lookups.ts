import { resolve } from 'node:path';
import type { LookupConfig } from '../../config/schema/schema.ts';
import { connectorOf } from '../../connectors/registry.ts';
import { fingerprintOf } from '../../core/file-watch.ts';
import { type Lookup, type LookupRuntime, openLookup } from './lookups.ts';

interface Shared {
  readonly identity: string;
  readonly lookup: Lookup;
  /** Configurations that use it. */
  users: number;
}

/**
 * Lookups that are open, each shared by the configurations in which it is the same.
 *
 *     generation 1   airport A   weather B                 closed with generation 1: B
 *     generation 2   airport A   weather B'   rates C      A goes on, with its connections and its calls under way
 *
 * The same is: of the same name and options, references put in, and its files not written to since.
 */
export class OpenLookups {
  readonly #byIdentity = new Map<string, Shared>();

  get size(): number {
    return this.#byIdentity.size;
  }

  /** Takes those that are open and opens the others. Rejects, with nothing kept, where one can not be opened. */
  async take(
    configs: Readonly<Record<string, LookupConfig>>,
    runtime: LookupRuntime,
  ): Promise<ReadonlyMap<string, Lookup>> {
    const taken = new Map<string, Shared>();
    try {
      for (const [name, config] of Object.entries(configs)) taken.set(name, await this.#take(name, config, runtime));
    } catch (error) {
      await this.#giveBack(taken.values());
      throw error;
    }
    return new Map([...taken].map(([name, { lookup }]) => [name, lookup]));
  }

  /** One user less for each of these; what has none left is closed. Rejects where one fails to close. */
  async giveBack(lookups: ReadonlyMap<string, Lookup>): Promise<void> {
    const given = new Set(lookups.values());
    await this.#giveBack([...this.#byIdentity.values()].filter(({ lookup }) => given.has(lookup)));
  }

  async #take(name: string, config: LookupConfig, runtime: LookupRuntime): Promise<Shared> {
    // Before it is opened: what is written to its files meanwhile is of another identity.
    const versions = filesOf(config, runtime.baseDir).map((file) => [file, fingerprintOf(file)]);
    const identity = JSON.stringify([name, config, versions]);
    const open = this.#byIdentity.get(identity);
    if (open !== undefined) {
      open.users++;
      return open;
    }
    const shared = { identity, lookup: await openLookup(name, config, runtime), users: 1 };
    this.#byIdentity.set(identity, shared);
    return shared;
  }

  async #giveBack(all: Iterable<Shared>): Promise<void> {
    const unused: Lookup[] = [];
    for (const shared of all) {
      if (--shared.users > 0) continue;
      this.#byIdentity.delete(shared.identity);
      unused.push(shared.lookup);
    }
    await Promise.all(unused.map((lookup) => lookup.close()));
  }
}

/** Absolute paths of the files that a lookup reads when it is opened. */
export function filesOf(config: LookupConfig, baseDir: string): readonly string[] {
  return connectorOf(config).files.map((file) => resolve(baseDir, file));
}

/** Those of them whose change is a reason for a reload. */
export function watchedFilesOf(config: LookupConfig, baseDir: string): readonly string[] {
  return connectorOf(config).watchedFiles.map((file) => resolve(baseDir, file));
}
