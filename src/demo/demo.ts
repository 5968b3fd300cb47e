import { count } from '../core/count.ts';
import { type DemoData, readDemoData } from './data.ts';
import { airportAnswer, type AnswerOf, type Directory, startDirectory } from './directory.ts';
import { explanation, introduction, resultTable, tryIt } from './report.ts';
import { type Run, run } from './run.ts';
import { bar, paint, ProgressLine } from './screen.ts';
import { type DemoService, startDemoService } from './service.ts';

export interface DemoOptions {
  /** The file of the command line, which has the command `serve`. */
  readonly program: string;
  /** Keep the service running after the demo, until a signal arrives. */
  readonly keep: boolean;
  /** The number of flights; default all 20,000. */
  readonly records?: number;
  readonly color: boolean;
  /** Whether stderr is a terminal: then a progress line is shown. */
  readonly tty: boolean;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** How the demo ended: every line was right, some line was wrong, or a signal arrived before the end. */
export type DemoOutcome = 'passed' | 'failed' | 'SIGINT' | 'SIGTERM';

/**
 * `millrace demo`: streams real flights through a real service, ordered and unordered, and checks every line that
 * comes back. The reasons of `failed` are on `stderr`.
 */
export async function demo(options: DemoOptions, answerOf: AnswerOf = airportAnswer): Promise<DemoOutcome> {
  const interruption = interrupted(options.stdout);
  let directory: Directory | undefined;
  let service: DemoService | undefined;
  try {
    const all = await readDemoData();
    const data = { ...all, flights: all.flights.slice(0, options.records) };
    directory = await startDirectory(data.airports, answerOf);
    service = await startDemoService(options.program, directory.urlTemplate);
    const passed = await perform(options, { directory, service, data, signal: interruption.signal });
    if (passed && options.keep) {
      options.stdout.write(tryIt(service, data.flights, paint(options.color)));
      await interruption.arrived;
    }
    return passed ? 'passed' : 'failed';
  } catch (error) {
    const signal = interruption.name();
    if (signal !== undefined) return signal;
    const lastOutput = service?.lastOutput();
    if (lastOutput !== undefined) options.stderr.write(`The service ended early. Its last output:\n${lastOutput}\n`);
    throw error;
  } finally {
    interruption.release();
    await service?.stop();
    await directory?.stop();
  }
}

interface Parts {
  readonly directory: Directory;
  readonly service: DemoService;
  readonly data: DemoData;
  readonly signal: AbortSignal;
}

/** Resolves with true if every line of the response is right. */
async function perform({ color, tty, stdout, stderr }: DemoOptions, parts: Parts): Promise<boolean> {
  const colors = paint(color);
  const progress = new ProgressLine(stderr, tty);
  const stage = {
    ...parts,
    onProgress: ({ mode, done, of, perSecond, inFlight }: Parameters<Progressing>[0]) =>
      progress.show(
        `  ${mode.padEnd(9)} ${bar(done / of)} ${count(done)} of ${count(of)}   ${count(perSecond)} records/s   ${inFlight} in flight`,
      ),
  };
  stdout.write(introduction(parts, colors));
  const runs: Run[] = [];
  for (const mode of ['ordered', 'unordered'] as const) {
    try {
      runs.push(await run(stage, mode));
    } finally {
      progress.clear();
    }
  }
  stdout.write(resultTable(runs, parts.data, colors));
  const faults = runs.flatMap(({ mode, faults: found }) => found.map((fault) => `${mode}: ${fault}`));
  if (faults.length === 0) stdout.write(explanation(colors));
  else stderr.write(`${colors.bad('The result is wrong:')}\n${faults.map((fault) => `  ${fault}\n`).join('')}`);
  return faults.length === 0;
}

type Progressing = Parameters<typeof run>[0]['onProgress'];

interface Interruption {
  readonly signal: AbortSignal;
  readonly arrived: Promise<void>;
  name(): 'SIGINT' | 'SIGTERM' | undefined;
  release(): void;
}

function interrupted(stdout: NodeJS.WritableStream): Interruption {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  let name: 'SIGINT' | 'SIGTERM' | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    name = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM';
    controller.abort();
    resolve();
  };
  // With `keep`, the demo also ends if the reader of its output has gone.
  stdout.once('error', resolve);
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return {
    signal: controller.signal,
    arrived: promise,
    name: () => name,
    release() {
      stdout.off('error', resolve);
      process.removeListener('SIGINT', stop);
      process.removeListener('SIGTERM', stop);
    },
  };
}
