import { createWriteStream, openSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../exit-codes.ts';
import { fileReason } from '../file-reason.ts';
import { InputFile } from './input/input-file.ts';
import { FileTarget } from './output/file-target.ts';
import { StreamTarget } from './output/stream-target.ts';
import type { Target } from './output/target.ts';
import type { RunFlags } from './run-options.ts';
import type { RunState } from './state/state-file.ts';

/** The inputs of a command line. Throws UsageError if the same file has two uses, or if a state cannot be kept for one. */
export function inputsOf(flags: RunFlags, stdin: NodeJS.ReadableStream): readonly InputFile[] {
  const names = flags.in ?? ['-'];
  if (names.filter((name) => name === '-').length > 1)
    throw new UsageError('standard input (-) can be read only once; name it once');
  const inputs = names.map((name, index) => new InputFile(name, index, name === '-' ? stdin : undefined));
  refuseSameFile(flags, inputs);
  if (flags.state === undefined) return inputs;
  const streamed = inputs.find(({ isRegular }) => !isRegular);
  if (streamed !== undefined) {
    const why = 'cannot be read again after a restart';
    throw new UsageError(`--state needs inputs that are files: ${streamed.name} ${why}; name files with --in`);
  }
  if (flags.out === undefined || flags.out === '-')
    throw new UsageError('--state needs an output that is a file: name it with --out');
  for (const flag of ['out', 'errors'] as const) {
    const name = flags[flag];
    const stats = name === undefined ? undefined : statsOf(name);
    if (stats !== undefined && !stats.isFile()) throw new UsageError(`--state needs --${flag} to be a regular file`);
  }
  return inputs;
}

function refuseSameFile(flags: RunFlags, inputs: readonly InputFile[]): void {
  const uses = [
    ...inputs.filter(({ isRegular }) => isRegular).map(({ name }) => ({ flag: '--in', name, writes: false })),
    ...(['out', 'errors', 'state'] as const).flatMap((flag) => {
      const name = flags[flag];
      return name === undefined || name === '-' ? [] : [{ flag: `--${flag}`, name, writes: true }];
    }),
  ].map((use) => ({ ...use, file: identity(use.name) }));
  for (const [index, use] of uses.entries()) {
    const other = uses.slice(0, index).find(({ file, writes }) => file === use.file && (writes || use.writes));
    if (other !== undefined && file(use.name))
      throw new UsageError(`${other.flag} and ${use.flag} are the same file, ${use.name}`);
  }
}

/** A device such as /dev/null may have several uses. */
const file = (name: string): boolean => statsOf(name)?.isFile() ?? true;

function identity(name: string): string {
  const stats = statsOf(name);
  return stats === undefined ? resolve(name) : `${stats.dev}:${stats.ino}`;
}

/** Undefined if there is none, or if it cannot be found: opening it will say why. */
function statsOf(name: string): Stats | undefined {
  try {
    return statSync(name);
  } catch {
    return undefined;
  }
}

export interface Targets {
  readonly output: Target;
  readonly errors: Target | undefined;
}

/** Opens the files of the output. What an earlier run has written after its last state is removed when the first output comes. */
export async function openTargets(
  { out, errors, state: stateFile, url }: RunFlags,
  state: RunState | undefined,
  stdout: NodeJS.WriteStream,
): Promise<Targets> {
  const durable = stateFile !== undefined;
  const open = async (flag: string, name: string, length: number): Promise<Target> => {
    const stats = statsOf(name);
    if (stats === undefined || stats.isFile()) return FileTarget.open(flag, name, durable, length);
    try {
      return new StreamTarget(name, createWriteStream(name, { fd: openSync(name, 'w') }), url !== undefined);
    } catch (error) {
      throw new Error(`${flag} ${name} cannot be written: ${fileReason(error, 'written')}`, { cause: error });
    }
  };
  const output =
    out === undefined || out === '-'
      ? new StreamTarget('standard output', stdout, url !== undefined)
      : await open('--out', out, state?.outputBytes ?? 0);
  return {
    output,
    errors: errors === undefined ? undefined : await open('--errors', errors, state?.errorsBytes ?? 0),
  };
}
