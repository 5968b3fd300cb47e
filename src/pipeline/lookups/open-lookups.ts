import { resolve } from 'node:path';
import type { LookupConfig } from '../../config/schema/schema.ts';
import { connectorOf } from '../../connectors/registry.ts';
import { fingerprintOf } from '../../core/file-watch.ts';
import { SharedBuckets } from '../../lookup/rate-limit/shared-bucket.ts';
import { lookupLayers } from './layers.ts';
import { type Lookup, type LookupRuntime, openLookup } from './lookups.ts';

interface Shared {
  readonly identity: string;
  readonly lookup: Lookup;
  /** Number of configurations that use it. */
  users: number;
}

/**
 * The open lookups. Configurations in which a lookup is the same share it.
 *
 *     generation 1   airport A   weather B                 closed with generation 1: B
 *     generation 2   airport A   weather B'   rates C      A goes on, with its connections and its calls under way
 *
 * Two lookups are the same if they have the same name and the same options, references resolved, and if none of their
 * files was written since. Lookups of the same name that differ still share their rate (`rateLimit`).
 */
export class OpenLookups {
  readonly #byIdentity = new Map<string, Shared>();
  readonly #buckets = new SharedBuckets();

  get size(): number {
    return this.#byIdentity.size;
  }

  /** Takes the lookups that are open and opens the others. If one cannot be opened, it rejects and keeps none. */
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

  /** Each of these has one user less; a lookup without a user is closed. Rejects if one fails to close. */
  async giveBack(lookups: ReadonlyMap<string, Lookup>): Promise<void> {
    const returned = new Set(lookups.values());
    await this.#giveBack([...this.#byIdentity.values()].filter(({ lookup }) => returned.has(lookup)));
  }

  async #take(name: string, config: LookupConfig, runtime: LookupRuntime): Promise<Shared> {
    // Read before the lookup is opened: if a file is written while it is opened, the identity is another one.
    const versions = filesOf(config, runtime.baseDir).map((file) => [file, fingerprintOf(file)]);
    const identity = JSON.stringify([name, config, versions]);
    const open = this.#byIdentity.get(identity);
    if (open !== undefined) {
      open.users++;
      return open;
    }
    const lookup = await openLookup(name, config, runtime, lookupLayers, this.#buckets);
    const shared = { identity, lookup, users: 1 };
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

/** Absolute paths of the files whose change is a reason for a reload. */
export function watchedFilesOf(config: LookupConfig, baseDir: string): readonly string[] {
  return connectorOf(config).watchedFiles.map((file) => resolve(baseDir, file));
}
