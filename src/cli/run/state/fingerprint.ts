import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { InputFile } from '../input/input-file.ts';

interface InputPrint {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** SHA-256 of the first 64 KiB. */
  readonly head: string;
}

/** What a run must have in common with the run whose state it goes on from. */
export interface Fingerprint {
  readonly pipeline: string;
  /** Options that decide which records are read, and in which order they are written; null for none. */
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
  readonly inputs: readonly InputPrint[];
  readonly output: string;
  readonly errors: string | null;
}

/** Fingerprints of regular files. */
export function inputPrints(inputs: readonly InputFile[]): Promise<Fingerprint['inputs']> {
  return Promise.all(
    inputs.map(async ({ name, stats }) => ({
      path: resolve(name),
      size: stats?.size ?? 0,
      mtimeMs: stats?.mtimeMs ?? 0,
      head: await headHash(name),
    })),
  );
}

/** What differs between the run of a state and this one; undefined if nothing does. */
export function difference(state: Fingerprint, now: Fingerprint): string | undefined {
  if (state.pipeline !== now.pipeline) return `it is of pipeline ${state.pipeline}, and this run is of ${now.pipeline}`;
  for (const [name, value] of Object.entries(now.options)) {
    const before = state.options[name] ?? null;
    if (before !== value) return `--${name} was ${shown(before)}, and is ${shown(value)} now`;
  }
  if (state.output !== now.output) return `--out was ${state.output}, and is ${now.output} now`;
  if (state.errors !== now.errors) return `--errors was ${shown(state.errors)}, and is ${shown(now.errors)} now`;
  const paths = (print: Fingerprint): string => print.inputs.map(({ path }) => path).join(', ');
  if (paths(state) !== paths(now)) return `the inputs were ${paths(state)}, and are ${paths(now)} now`;
  for (const [index, input] of now.inputs.entries()) {
    const before = state.inputs[index];
    if (before === undefined) continue;
    if (before.size !== input.size) return `${input.path} had ${before.size} bytes, and has ${input.size} now`;
    if (before.mtimeMs !== input.mtimeMs || before.head !== input.head) return `${input.path} was changed`;
  }
  return undefined;
}

const shown = (value: string | number | boolean | null): string => (value === null ? 'not set' : String(value));

async function headHash(name: string): Promise<string> {
  const file = await open(name);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0);
    return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex');
  } finally {
    await file.close();
  }
}
