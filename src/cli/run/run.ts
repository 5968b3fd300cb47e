import { resolve } from 'node:path';
import type { Loaded } from '../../config/load.ts';
import { systemClock } from '../../core/time/time.ts';
import { thrownMessage } from '../../core/thrown.ts';
import { exitCodes, UsageError } from '../exit-codes.ts';
import type { Engine } from './engine/engine.ts';
import { inputsOf, openTargets } from './files.ts';
import type { InputFile } from './input/input-file.ts';
import type { LineReaderOptions } from './input/line-reader.ts';
import { Source } from './input/source.ts';
import type { Start } from './lines/journal.ts';
import { Selection } from './lines/selection.ts';
import { ReaderGone } from './output/stream-target.ts';
import { ProgressLine, resultJson, resultText } from './report.ts';
import type { RunFlags } from './run-options.ts';
import { RunStreams } from './run-streams.ts';
import { SavedState } from './state/saved-state.ts';

/** The longest line that is kept, so that it can be sent again. */
const longestKeptLine = 64 * 1024 ** 2;

/**
 * `millrace run`: reads lines, and writes each enriched, by a pipeline of this process or of a service. Resolves with the
 * exit code.
 *
 *     inputs ─▶ Source ─▶ Journal ─▶ Engine ─▶ OutputLines ─▶ Collector ─▶ Delivery ─▶ output, errors
 *                            ▲                                   │ $checkpoint             │ written
 *                            └─── forgets lines ◀────────────────┘          state file ◀───┘
 */
export async function runPipeline(name: string, flags: RunFlags): Promise<number> {
  refuseCombinations(flags);
  const way = await wayOf(name, flags);
  const { mode, loaded } = way;
  const inputs = inputsOf(flags, process.stdin);
  const saved = await SavedState.open(flags.state, inputs, {
    pipeline: name,
    options: {
      mode: mode ?? null,
      limit: flags.limit ?? null,
      sample: flags.sample ?? null,
      seed: flags.seed ?? null,
      control: flags.control,
    },
    output: flags.out === undefined ? '-' : resolve(flags.out),
    errors: flags.errors === undefined ? null : resolve(flags.errors),
  });
  if (saved?.state?.complete === true) {
    process.stderr.write(`millrace: --state ${flags.state} says that this run is complete; delete it to run again\n`);
    return exitCodes.done;
  }
  const reading = readingOf(flags, loaded);
  const start = (await saved?.start(inputs, reading)) ?? fromTheBeginning;
  const selection = new Selection(
    { limit: flags.limit ?? Infinity, rate: flags.sample ?? 1, seed: flags.seed ?? 0, control: flags.control },
    start.next.seq,
    start.records,
  );
  const source = new Source(inputs, start.next.place, selection, reading);
  let progress: ProgressLine | undefined;
  const engine = await way.open((text) => {
    if (progress === undefined) process.stderr.write(`${text}\n`);
    else progress.message(text);
  });
  // Opened after the lookups, so that an output stays as it is if those cannot be opened.
  const targets = await openTargets(flags, saved?.state, process.stdout).catch(async (error: unknown) => {
    await engine.close();
    throw error;
  });
  const streams = new RunStreams({
    source,
    start,
    targets,
    saved,
    control: flags.control,
    errors: flags.errors !== undefined,
  });
  const figures = () => ({ ...streams.figures, inFlight: engine.inFlight, bytes: bytesOf(inputs) });
  if (flags.progress ?? process.stderr.isTTY) progress = new ProgressLine(process.stderr, figures);
  if (process.stderr.isTTY && process.stdin.isTTY && inputs.some(({ stats }) => stats === undefined))
    process.stderr.write('millrace: reading from the terminal; Ctrl-D ends the input\n');
  return ending(name, flags, source, engine, streams, () => progress?.close());
}

/** How the lines are enriched. */
interface Way {
  readonly mode: string | undefined;
  /** The configuration; undefined for a client of a service. */
  readonly loaded: Loaded | undefined;
  readonly open: (message: (text: string) => void) => Promise<Engine> | Engine;
}

/** A client of a service starts in a third of the time, because it loads no code of lookups and of the configuration. */
async function wayOf(name: string, flags: RunFlags): Promise<Way> {
  const { url, mode } = flags;
  if (url !== undefined) {
    const { openRemote } = await import('./engine/open-remote.ts');
    return { mode, loaded: undefined, open: (message) => openRemote(name, flags, url, message) };
  }
  const { loadedFor, modeOf, openLocal } = await import('./engine/open-local.ts');
  const loaded = loadedFor(flags);
  return { mode: modeOf(name, flags, loaded), loaded, open: () => openLocal(name, flags, loaded) };
}

const fromTheBeginning: Start = { next: { seq: 0, place: { input: 0, offset: 0 } }, pending: [], records: 0 };

/** Runs the engine to its end, and reports it. */
async function ending(
  name: string,
  flags: RunFlags,
  source: Source,
  engine: Engine,
  streams: RunStreams,
  closeProgress: () => void,
): Promise<number> {
  const startedAt = systemClock.now();
  const signals = stopOnSignals(source);
  let failure: unknown;
  try {
    await streams.run(engine);
    failure = source.failure;
  } catch (error) {
    failure = error;
  }
  closeProgress();
  if (failure instanceof ReaderGone) return leave(exitCodes.done);
  await engine.close().catch((error: unknown) => {
    failure ??= error;
  });
  const { records: read, counts } = streams;
  const stopped = signals.received;
  const error = failure === undefined ? undefined : thrownMessage(failure);
  const status = error === undefined ? (stopped === undefined ? 'complete' : 'stopped') : 'failed';
  const result = { pipeline: name, status, read, ...counts, durationMs: systemClock.now() - startedAt, error } as const;
  if (flags.json) process.stderr.write(resultJson(result));
  else process.stderr.write(resultText(result));
  if (error !== undefined && !flags.json) process.stderr.write(`millrace: ${error}\n`);
  if (error !== undefined) return leave(exitCodes.failed);
  return leave(stopped === undefined ? exitCodes.done : exitCodes[stopped]);
}

/** A terminal that is being read, or a timer of a module, would keep the process running. */
async function leave(code: number): Promise<number> {
  await new Promise<void>((done) => process.stderr.write('', () => done()));
  return process.exit(code);
}

/** The first signal ends the input; what is under way is completed. The second one ends the process. */
function stopOnSignals(source: Source): { readonly received: 'SIGINT' | 'SIGTERM' | undefined } {
  const signals: { received: 'SIGINT' | 'SIGTERM' | undefined } = { received: undefined };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (signals.received !== undefined) process.exit(exitCodes[signal]);
      signals.received = signal;
      source.stop();
    });
  }
  return signals;
}

function refuseCombinations(flags: RunFlags): void {
  const { url, state, checkpoint, config, tokenFile, cacert, cert, key } = flags;
  if (url !== undefined && config !== undefined)
    throw new UsageError('--url runs the pipeline of the service, and --config one of this process; name one of them');
  const clientOnly = Object.entries({ 'token-file': tokenFile, cacert, cert, key }).find(
    ([, value]) => value !== undefined,
  );
  if (url === undefined && clientOnly !== undefined) throw new UsageError(`--${clientOnly[0]} is an option of --url`);
  if (url === undefined && state === undefined && checkpoint !== undefined)
    throw new UsageError('--checkpoint is an option of --state and --url');
}

/**
 * What is read of a long line. A pipeline of this process refuses a line over `limits.lineBytes`, also if its end is
 * missing; `--errors` needs all of it, and a service may have any limit.
 */
function readingOf({ errors }: RunFlags, loaded: Loaded | undefined): LineReaderOptions {
  if (loaded === undefined || errors !== undefined) return { longestLine: longestKeptLine, refuse: true };
  return { longestLine: loaded.config.server.limits.lineBytes + 2, refuse: false };
}

function bytesOf(inputs: readonly InputFile[]): { read: number; all: number } | undefined {
  let [read, all] = [0, 0];
  for (const { readBytes, size } of inputs) {
    if (size === undefined) return undefined;
    read += readBytes;
    all += size;
  }
  return { read, all };
}
