import type { Loaded } from '../../../config/load.ts';
import { MemoryBudget } from '../../../core/memory-budget.ts';
import { silentObserver } from '../../../core/observer/observer.ts';
import { Secrets } from '../../../core/secrets/secrets.ts';
import { inLaterTurn } from '../../../core/time/later-turn.ts';
import { thrownMessage } from '../../../core/thrown.ts';
import { systemClock } from '../../../core/time/time.ts';
import { createLogger } from '../../../observability/log/logger.ts';
import { LogOutput } from '../../../observability/log/log-output.ts';
import type { Pipeline } from '../../../pipeline/pipeline.ts';
import type { StreamSettings } from '../../../pipeline/stream-settings.ts';
import { generationBuilder } from '../../../service/generation-builder.ts';
import { memoryBytes, openFiles } from '../../../service/process-limits.ts';
import { ndjson } from '../../../wire/lines/framing.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { UncaughtErrors } from '../../serve/uncaught-errors.ts';
import { onlyPipeline } from '../../only-pipeline.ts';
import { settingsWithoutTls } from '../../settings.ts';
import type { RunFlags } from '../run-options.ts';
import type { Engine } from './engine.ts';
import { LocalEngine } from './local-engine.ts';

/** With more records at the same time, the line that names the pending ones could be longer than `limits.lineBytes`. */
const mostCapacity = 50_000;

/** The configuration of a run in this process. */
export function loadedFor({ config, logLevel }: RunFlags): Loaded {
  return settingsWithoutTls({ ...(config !== undefined && { config }), ...(logLevel !== undefined && { logLevel }) });
}

/** Opens the lookups of one pipeline in this process. */
export async function openLocal(name: string, flags: RunFlags, loaded: Loaded): Promise<Engine> {
  const secrets = new Secrets();
  const logger = createLogger({
    level: flags.logLevel === undefined ? 'warn' : loaded.config.server.log.level,
    destination: new LogOutput(process.stderr),
    secrets,
  });
  // An error in a timer of a user's module ends no record, and not the run.
  const uncaught = new UncaughtErrors({ process, clock: systemClock, logger, startFailed });
  uncaught.listen();
  const build = generationBuilder({
    memory: new MemoryBudget(memoryBytes(loaded.config.server.limits), inLaterTurn),
    clock: systemClock,
    observer: silentObserver,
    secrets,
    logger,
    tracesCalls: false,
    files: openFiles(),
  });
  const { pipelines } = await build({ ...loaded, config: onlyPipeline(name, loaded.config) }, 1);
  const pipeline = pipelines.get(name);
  if (pipeline === undefined) throw new Error(`the pipeline ${name} was not built`);
  uncaught.serving();
  return new LocalEngine(pipeline, settingsOf(pipeline, flags), () => pipelines.close());
}

function startFailed(thrown: unknown): never {
  process.stderr.write(`millrace: an error that no code caught ended the start: ${thrownMessage(thrown)}\n`);
  return process.exit(exitCodes.failed);
}

function settingsOf(pipeline: Pipeline, flags: RunFlags): StreamSettings {
  const settings = pipeline.settings();
  const { mode = settings.mode, capacity = settings.capacity, timeout = settings.timeoutMs } = flags;
  const aside = flags.errors !== undefined;
  return {
    ...settings,
    mode,
    capacity: Math.min(capacity, mostCapacity),
    timeoutMs: timeout,
    // A failed record has to be visible, so that its line can be put aside.
    onError: aside ? 'annotate' : settings.onError,
    onInvalid: aside ? 'annotate' : settings.onInvalid,
    framing: ndjson,
    control: {
      checkpoint: flags.state === undefined ? undefined : (flags.checkpoint ?? { ms: 1000 }),
      problem: ({ code, message }) => ({ code, detail: message }),
    },
  };
}

/** Throws UsageError for a mode that the pipeline cannot have. */
export function modeOf(name: string, { mode }: RunFlags, { config }: Loaded): string {
  const pipeline = onlyPipeline(name, config).pipelines[name];
  if (mode === 'keyed' && pipeline?.key === undefined)
    throw new UsageError(`--mode keyed needs a key: set pipelines.${name}.key to the place of the key in a record`);
  return mode ?? pipeline?.mode ?? 'ordered';
}
