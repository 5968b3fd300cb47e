import { statSync } from 'node:fs';
import type { InputFile } from '../input/input-file.ts';
import type { LineReaderOptions } from '../input/line-reader.ts';
import type { KeptLine, Start } from '../lines/journal.ts';
import type { Progress } from '../output/collector.ts';
import { difference, type Fingerprint, inputPrints } from './fingerprint.ts';
import { lockState } from './lock.ts';
import { formatVersion, readState, type RunState, writeState } from './state-file.ts';

/**
 * The state of a resumable run. Its file has, at any moment, a checkpoint whose output is on the disk: a run that starts
 * again cuts the output to the recorded length and reads on at the recorded place.
 */
export class SavedState {
  /** The state that this run goes on from; undefined for a first run. */
  readonly state: RunState | undefined;
  readonly #file: string;
  readonly #run: Fingerprint;

  private constructor(file: string, run: Fingerprint, state: RunState | undefined) {
    this.#file = file;
    this.#run = run;
    this.state = state;
  }

  /** Undefined without a file. Rejects if the file is of another run, or if another process uses it. */
  static async open(
    file: string | undefined,
    inputs: readonly InputFile[],
    run: Omit<Fingerprint, 'inputs'>,
  ): Promise<SavedState | undefined> {
    if (file === undefined) return undefined;
    await lockState(file);
    const now = { ...run, inputs: await inputPrints(inputs) };
    const state = await readState(file);
    const differs = state === undefined ? undefined : difference(state.run, now);
    if (differs !== undefined) throw new Error(`--state ${file} is of another run: ${differs}. ${wayOut(file)}`);
    if (state !== undefined) {
      checkLength(file, '--out', run.output, state.outputBytes);
      if (run.errors !== null) checkLength(file, '--errors', run.errors, state.errorsBytes);
    }
    return new SavedState(file, now, state);
  }

  /** Where this run begins; undefined for a first run. */
  async start(inputs: readonly InputFile[], reading: LineReaderOptions): Promise<Start | undefined> {
    if (this.state === undefined) return undefined;
    const { next, pending, records } = this.state;
    const kept: KeptLine[] = [];
    for (const [index, input] of inputs.entries()) {
      const here = pending.filter((line) => line.input === index);
      if (here.length === 0) continue;
      const lines = await input.linesAt(
        here.map(({ offset }) => offset),
        reading,
      );
      for (const [at, { seq, offset }] of here.entries()) {
        kept.push({ seq, place: { input: index, offset }, bytes: lines[at] ?? Buffer.alloc(0) });
      }
    }
    return { next: { seq: next.seq, place: { input: next.input, offset: next.offset } }, pending: kept, records };
  }

  save({ position, lengths, written, failed }: Progress, complete: boolean): Promise<void> {
    const { next, pending, records } = position;
    return writeState(this.#file, {
      millraceRun: formatVersion,
      run: this.#run,
      complete,
      next: { seq: next.seq, ...next.place },
      pending: pending.map(({ seq, place }) => ({ seq, ...place })),
      records,
      written,
      failed,
      outputBytes: lengths.output,
      errorsBytes: lengths.errors,
    });
  }
}

function checkLength(file: string, flag: string, name: string, least: number): void {
  const bytes = statSync(name, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes >= least) return;
  throw new Error(
    `${flag} ${name} has ${bytes} bytes, and --state ${file} says that ${least} were written. ${wayOut(file)}`,
  );
}

const wayOut = (file: string): string => `To start from the beginning, delete ${file}; to keep it, name another file`;
