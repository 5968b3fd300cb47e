import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { expect } from 'vitest';
import { folderOf, Millrace } from '../../service/serving.ts';

/** Compiled code is kept between the processes of the tests: each starts in half of the time. */
const compileCache = join(tmpdir(), 'millrace-test-compile-cache');
mkdirSync(compileCache, { recursive: true });
export const env = { NODE_COMPILE_CACHE: compileCache };

/** Answers after 2 to 10 ms, in an order of its own; fails for some records, and has no answer for others. */
const lookup = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export default async ({ id }) => {
  const number = Number(id);
  await wait(2 + ((number * 7919) % 9));
  if (number % 13 === 5) throw new Error('unlucky ' + number);
  if (number % 11 === 3) return [];
  return number % 7 === 1 ? [{ n: 1 }, { n: 2 }, { n: 3 }] : [{ n: number }];
};`;

const common = 'capacity: 10, key: /key, enrich: [ { lookup: far, with: { id: /id }, into: /far } ]';

/** One pipeline for each mode, and one whose records have 0 to 3 lines. */
const configuration = `
lookups:
  far: { module: { file: far.mjs } }
pipelines:
  ordered: { mode: ordered, ${common} }
  unordered: { mode: unordered, ${common} }
  keyed: { mode: keyed, ${common} }
  exploded: { mode: unordered, explode: true, onMiss: drop, ${common} }
`;

export const pipelines = ['ordered', 'unordered', 'keyed', 'exploded'] as const;
export type PipelineName = (typeof pipelines)[number];

/** A folder with the configuration and these files. */
export function runFolder(files: Readonly<Record<string, string>> = {}): string {
  return folderOf({ 'millrace.yaml': configuration, 'far.mjs': lookup, ...files });
}

/** Lines of every kind: records, `$` records, records with an \`_error\`, bad lines, blank lines, lines with CRLF. */
function inputLines(count: number, from = 0): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const id = from + index;
    const key = `k${id % 17}`;
    if (id % 41 === 7) return '';
    if (id % 43 === 8) return `{"id":${id},"key":"${key}"`;
    if (id % 37 === 9) return `{"$checkpoint":{"next":0,"pending":[]},"id":${id},"key":"${key}"}`;
    if (id % 31 === 10) return `{"\\u0024x":"ä","id":${id},"key":"${key}"}\r`;
    if (id % 29 === 11) return `{"id":${id},"key":"${key}","_error":{"code":"timeout","message":"","line":${id + 1}}}`;
    return `{"id": ${id}, "key":"${key}","float":1.0,"text":"tä\\u00e4 { \\"_error\\":"}`;
  });
  return `\uFEFF${lines.join('\n')}`;
}

/** Two inputs, the second one compressed in two members. */
export function writeInputs(folder: string, count: number): readonly string[] {
  const half = Math.floor(count / 2);
  const second = Buffer.from(inputLines(count - half, half));
  writeFileSync(join(folder, 'a.ndjson'), inputLines(half));
  const members = [second.subarray(0, 1000), second.subarray(1000)].map((part) => gzipSync(part));
  writeFileSync(join(folder, 'b.ndjson.gz'), Buffer.concat(members));
  return ['--in', join(folder, 'a.ndjson'), '--in', join(folder, 'b.ndjson.gz')];
}

/** A \`millrace run\` with the configuration of the folder. */
export function startRun(folder: string, pipeline: string, args: readonly string[]): Millrace {
  // A client of a service has no configuration.
  const config = args.includes('--url') ? [] : ['-c', join(folder, 'millrace.yaml')];
  return new Millrace(['run', pipeline, ...config, ...args], { env });
}

/** Runs to the end; the code must be this one. */
export async function finishedRun(
  folder: string,
  pipeline: string,
  args: readonly string[],
  code = 0,
): Promise<Millrace> {
  const run = startRun(folder, pipeline, args);
  const [exitCode] = await run.ended;
  expect({ exitCode, stderr: run.stderr }).toMatchObject({ exitCode: code });
  return run;
}

/** The decoded text of a file. */
export function textOf(file: string): string {
  const bytes = readFileSync(file);
  if (file.endsWith('.gz')) return gunzipSync(bytes).toString();
  if (!file.endsWith('.zst')) return bytes.toString();
  // Each frame begins with the magic number; the function of Node.js decodes one frame.
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
  let text = '';
  for (let at = 0; at < bytes.length;) {
    let next = bytes.indexOf(magic, at + 4);
    if (next === -1) next = bytes.length;
    text += zstdDecompressSync(bytes.subarray(at, next)).toString();
    at = next;
  }
  return text;
}

/** A line that is no JSON has no key. */
const keyOf = (line: string): string => /"key":"(k\d+)".*\}\r?$/.exec(line)?.[1] ?? '';

/** The lines of each key, in their order; lines without one are under "". */
function byKey(lines: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const groups = Map.groupBy(lines, keyOf);
  groups.set('', (groups.get('') ?? []).toSorted());
  return Object.fromEntries(groups);
}

/** What of an output the mode of a pipeline promises: all of it, the lines of each key, or the lines. */
export function promised(pipeline: PipelineName, text: string): unknown {
  if (pipeline === 'ordered') return createHash('sha256').update(text).digest('hex');
  const lines = text.split('\n');
  return pipeline === 'keyed' ? byKey(lines) : lines.toSorted();
}

/** Numbers that are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
