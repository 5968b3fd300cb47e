import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../core/json/json.ts';
import { thrownMessage } from '../../../core/thrown.ts';
import { type Fingerprint, fingerprintSchema } from './fingerprint.ts';

const whole = z.number().int().nonnegative();
const place = z.object({ seq: whole, input: whole, offset: whole });

const stateSchema = z.object({
  /** The version of this format. */
  millraceRun: z.literal(1),
  run: fingerprintSchema,
  /** Every line of the inputs was read, and its output is complete. */
  complete: z.boolean(),
  next: place,
  pending: z.array(place),
  /** Records before `next`. */
  records: whole,
  written: whole,
  failed: whole,
  outputBytes: whole,
  errorsBytes: whole,
});

/** The content of a state file. */
export interface RunState extends z.infer<typeof stateSchema> {
  readonly run: Fingerprint;
}

/** The state of an earlier run; undefined if there is none. Throws Error if the file is no state. */
export async function readState(name: string): Promise<RunState | undefined> {
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`--state ${name} cannot be read: ${thrownMessage(error)}`, { cause: error });
  }
  const state = stateSchema.safeParse(jsonOf(text));
  if (state.success) return state.data;
  throw new Error(
    `--state ${name} is no state of millrace run (or of another version); name another file, or delete it`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/**
 * Replaces the state as one step: after a crash the file has the old state or the new one. What the state names is on the
 * disk by then (FileTarget.commit).
 */
export async function writeState(name: string, state: RunState): Promise<void> {
  const next = `${name}.next`;
  try {
    await writeDurably(next, `${JSON.stringify(state)}\n`);
    await rename(next, name);
    const folder = await open(dirname(name));
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw new Error(`--state ${name} cannot be written: ${thrownMessage(error)}`, { cause: error });
  }
}

async function writeDurably(name: string, text: string): Promise<void> {
  const file = await open(name, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
