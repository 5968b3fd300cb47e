import { pathText } from '../config/document/path.ts';
import { ConfigError, type Loaded, mistakeOf, findingLine } from '../config/load.ts';
import { needingRestart } from '../config/restart.ts';
import type { Config } from '../config/schema/schema.ts';
import { FileWatch, type Fingerprint, fingerprintOf } from '../core/file-watch.ts';
import { thrownMessage } from '../core/thrown.ts';
import type { Clock } from '../core/time/time.ts';
import type { ReloadResult } from '../http/reload-route.ts';
import type { Logger } from '../observability/log/logger.ts';
import type { Generation } from '../pipeline/generations.ts';
import { filesOf, watchedFilesOf } from '../pipeline/lookups/open-lookups.ts';

/** Two checks find a change: within a second, with 2 calls of the file system a second for each file. */
const CHECK_EVERY_MS = 500;

export type ReloadCause = 'SIGHUP' | 'file' | 'request';

export interface ReloadOptions {
  /** The configuration that the service was started with. */
  readonly started: Loaded;
  /** Reads the same configuration anew; throws ConfigError. */
  readonly load: () => Loaded;
  /** Opens the lookups and pipelines of a configuration, or closes them again and rejects; `number` counts the attempts. */
  readonly build: (loaded: Loaded, number: number) => Promise<Generation>;
  /** Replaces what is in force. Throws, and changes nothing, if the files of `server.tls` cannot be used. */
  readonly replace: (next: Generation, loaded: Loaded) => void;
  /** Called after a configuration was refused. */
  readonly refused: () => void;
  /** Called after each reload. */
  readonly reloaded: (succeeded: boolean) => void;
  readonly clock: Clock;
  readonly logger: Logger | false;
}

/**
 * Takes over a configuration that has changed, or keeps the one in force if the new one has mistakes.
 *
 *     SIGHUP ─┐                      ┌ mistakes ─▶ logged, kept, successful 0
 *     file ───┴▶ load ─ open lookups ┴ valid ────▶ replace ─▶ new streams use it; earlier streams keep theirs
 *
 * One reload runs at a time. A request during a reload starts one more after it, which reads the files as they are then.
 */
export class Reloader {
  readonly #options: ReloadOptions;
  readonly #watch: FileWatch;
  #number = 1;
  #running: Promise<ReloadResult> | undefined;
  #again = false;
  #stopped = false;
  #watching = false;

  constructor(options: ReloadOptions) {
    this.#options = options;
    this.#watch = new FileWatch({
      clock: options.clock,
      everyMs: CHECK_EVERY_MS,
      onChange: () => void this.reload('file'),
    });
    this.#follow(options.started.config, filesNamedBy(options.started, watchedFilesOf));
  }

  /** Resolves with the result when the present content of the files is in force or refused. Never rejects. */
  reload(cause: ReloadCause): Promise<ReloadResult> {
    const { logger } = this.#options;
    if (this.#stopped) {
      if (logger !== false) logger.warn({ cause }, 'configuration not reloaded: the service is stopping');
      return Promise.resolve({ outcome: 'stopping' });
    }
    this.#again = this.#running !== undefined;
    this.#running ??= this.#run(cause).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Prevents further reloads, and undoes one that runs. Resolves when that is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#watch.close();
    await this.#running;
  }

  async #run(cause: ReloadCause): Promise<ReloadResult> {
    let result: ReloadResult;
    do {
      this.#again = false;
      result = await this.#once(cause);
    } while (this.#again && !this.#stopped);
    return result;
  }

  async #once(cause: ReloadCause): Promise<ReloadResult> {
    const { started, load, build, replace, refused, reloaded, logger } = this.#options;
    let files: ReadonlyMap<string, Fingerprint> = new Map();
    try {
      const loaded = load();
      files = filesNamedBy(loaded, filesOf);
      const watched = filesNamedBy(loaded, watchedFilesOf);
      const next = await build(loaded, ++this.#number);
      if (this.#stopped) {
        await next.pipelines.close();
        return { outcome: 'stopping' };
      }
      try {
        replace(next, loaded);
      } catch (error) {
        await next.pipelines.close();
        throw error;
      }
      reloaded(true);
      this.#follow(loaded.config, watched);
      const restart = needingRestart(started.config, loaded.config);
      const pipelines = Object.keys(loaded.config.pipelines);
      if (logger !== false) logSuccess(logger, cause, pipelines, restart);
      return { outcome: 'reloaded', pipelines, restart };
    } catch (error) {
      if (this.#stopped) return { outcome: 'stopping' };
      reloaded(false);
      // The files of the refused configuration are watched too: a change of one may correct it.
      if (this.#watching) this.#watch.add(error instanceof ConfigError ? error.files : files);
      if (logger !== false) logFailure(logger, cause, error);
      refused();
      return refusal(error);
    }
  }

  #follow({ server }: Config, files: ReadonlyMap<string, Fingerprint>): void {
    this.#watching = server.watch;
    this.#watch.follow(this.#watching ? files : new Map());
  }
}

/** The files of a configuration with their fingerprints from when it was read, and those of its lookups as they are now. */
function filesNamedBy({ config, baseDir, files }: Loaded, of: typeof filesOf): ReadonlyMap<string, Fingerprint> {
  const ofLookups = Object.values(config.lookups).flatMap((lookup) => of(lookup, baseDir));
  return new Map([...ofLookups.map((file) => [file, fingerprintOf(file)] as const), ...files]);
}

function refusal(error: unknown): ReloadResult {
  if (!(error instanceof ConfigError)) return { outcome: 'refused', detail: thrownMessage(error), mistakes: [] };
  const { length } = error.findings;
  const detail = `the configuration has ${length} mistake${length === 1 ? '' : 's'}; the previous one stays in force`;
  return { outcome: 'refused', detail, mistakes: error.findings.map((finding) => mistakeOf(finding)) };
}

function logSuccess(
  logger: Logger,
  cause: ReloadCause,
  pipelines: readonly string[],
  restart: readonly string[],
): void {
  logger.info({ cause, pipelines }, 'configuration reloaded: new streams use it');
  if (restart.length === 0) return;
  logger.warn(
    { keys: restart },
    `${restart.join(', ')}: a change needs a restart; the values from the start still hold`,
  );
}

/** Logs each mistake as `check` prints it, with its position as separate members. */
function logFailure(logger: Logger, cause: ReloadCause, error: unknown): void {
  const kept = 'configuration not reloaded: the previous one stays in force';
  if (!(error instanceof ConfigError)) {
    const why = error instanceof Error ? error.message : String(error);
    logger.error({ cause }, `${kept}; ${why}`);
    return;
  }
  for (const finding of error.findings) {
    const { file, line, column, path } = finding;
    logger.error({ file, line, column, path: pathText(path) }, findingLine(finding));
  }
  logger.error({ cause, mistakes: error.findings.length }, kept);
}
