import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseJson } from '../../../core/json/json.ts';
import { fileReason } from '../../file-reason.ts';
import type { Fingerprint } from './fingerprint.ts';

interface LinePlace {
  readonly seq: number;
  readonly input: number;
  readonly offset: number;
}

/** The content of a state file. */
export interface RunState {
  /** The version of this format. */
  readonly millraceRun: typeof formatVersion;
  readonly run: Fingerprint;
  /** Every line of the inputs was read, and its output is complete. */
  readonly complete: boolean;
  readonly next: LinePlace;
  readonly pending: readonly LinePlace[];
  /** Records before `next`. */
  readonly records: number;
  readonly written: number;
  readonly failed: number;
  readonly outputBytes: number;
  readonly errorsBytes: number;
}

export const formatVersion = 1;

/** The state of an earlier run; undefined if there is none. Throws Error if the file is no state. */
export async function readState(name: string): Promise<RunState | undefined> {
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`--state ${name} cannot be read: ${fileReason(error, 'read')}`, { cause: error });
  }
  const state = valueOf(text);
  if (isState(state)) return state;
  throw new Error(
    `--state ${name} is no state of millrace run (or of another version); name another file, or delete it`,
  );
}

function valueOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** The file is written as a whole by this program: its version, the kinds of its members and their bounds are checked. */
function isState(value: unknown): value is RunState {
  if (!isMembers(value) || value['millraceRun'] !== formatVersion) return false;
  const { run, complete, next, pending } = value;
  if (!isMembers(run) || !isMembers(run['options']) || !Array.isArray(run['inputs'])) return false;
  const inputs = run['inputs'].length;
  const counts = ['records', 'written', 'failed', 'outputBytes', 'errorsBytes'];
  return (
    typeof complete === 'boolean' &&
    isPlace(next, inputs) &&
    Array.isArray(pending) &&
    pending.every((line) => isPlace(line, inputs)) &&
    counts.every((count) => isCount(value[count])) &&
    run['inputs'].every((input) => isMembers(input))
  );
}

function isPlace(value: unknown, inputs: number): boolean {
  if (!isMembers(value)) return false;
  const { seq, input, offset } = value;
  return isCount(seq) && isCount(input) && input < inputs && isCount(offset);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
    throw new Error(`--state ${name} cannot be written: ${fileReason(error, 'written')}`, { cause: error });
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
