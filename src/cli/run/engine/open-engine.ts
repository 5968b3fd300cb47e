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
import { clientFiles } from '../../top/client-files.ts';
import { withoutUser } from '../../top/state.ts';
import { tokenSource } from '../../top/token.ts';
import type { RunFlags } from '../run-options.ts';
import type { Engine } from './engine.ts';
import { LocalEngine } from './local-engine.ts';
import { RemoteEngine } from './remote-engine.ts';

/** With more records at the same time, the line that names the pending ones could be longer than `limits.lineBytes`. */
const mostCapacity = 50_000;

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

export function openRemote(name: string, flags: RunFlags, url: URL, message: (text: string) => void): Engine {
  const { checkpoint, mode, capacity, timeout } = flags;
  const address = new URL(url);
  const base = address.pathname.replace(/\/$/, '');
  address.pathname = `${base}/v1/enrich/${encodeURIComponent(name)}`;
  // Output of a pipe appears when it is final, so soon; a file has it at once.
  const every = checkpoint ?? { ms: flags.out === undefined ? 100 : 1000 };
  const parameters = {
    control: 'true',
    // The response is read while the request is sent: a slow output slows the lookups down, and nothing is spooled.
    duplex: 'full',
    checkpoint: 'ms' in every ? `${every.ms}ms` : String(every.lines),
    ...(mode !== undefined && { mode }),
    ...(capacity !== undefined && { capacity: String(capacity) }),
    ...(timeout !== undefined && { timeout: `${timeout}ms` }),
  };
  for (const [parameter, value] of Object.entries(parameters)) address.searchParams.set(parameter, value);
  const described = new URL(url);
  described.pathname = `${base}/v1/pipelines/${encodeURIComponent(name)}`;
  return new RemoteEngine({
    url: address,
    described: flags.errors === undefined ? undefined : described,
    files: clientFiles(flags),
    token: tokenSource(flags.tokenFile),
    stallMs: flags.stallTimeout,
    retryMs: flags.retryFor,
    onRetry: (failure, waitMs) => {
      message(`millrace: ${withoutUser(url)}: ${failure.message}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
    },
  });
}
