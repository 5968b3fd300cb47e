import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Millrace } from '../../service/serving.ts';
import {
  expectSame,
  finishedRun,
  type PipelineName,
  pipelines,
  randomFrom,
  runFolder,
  startRun,
  textOf,
  writeInputs,
} from './fixture.ts';

const records = 5000;
const kills = 17;

/** Resolves when the state file was written anew, or when the run has ended. */
async function stateWritten(file: string, before: number, run: Millrace): Promise<void> {
  let over = false;
  void run.ended.then(() => (over = true));
  while (!over && versionOf(file) === before) await turn(2);
}

const versionOf = (file: string): number => (existsSync(file) ? statSync(file).mtimeMs : 0);

function turn(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Kills runs at random moments of their lives, then lets one end. Returns the number of lives that were killed. */
async function killedRuns(start: () => Millrace, state: string, random: () => number): Promise<number> {
  let killed = 0;
  for (let life = 0; life < kills; life += 1) {
    const before = versionOf(state);
    const run = start();
    // Some lives end before their first state.
    if (random() < 0.9) await stateWritten(state, before, run);
    await turn(random() * 100);
    run.child.kill('SIGKILL');
    const [code, signal] = await run.ended;
    expect({ code, signal, stderr: run.stderr }).toEqual({ code: null, signal: 'SIGKILL', stderr: '' });
    killed += 1;
  }
  const [code] = await start().ended;
  expect(code).toBe(0);
  return killed;
}

test('a run with --state that is killed 68 times and started again has the output of an undisturbed run', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const counts = await Promise.all(
    pipelines.map(async (pipeline: PipelineName, index) => {
      const random = randomFrom(seed + index);
      const folder = runFolder();
      const inputs = writeInputs(folder, records);
      const file = (name: string): string => join(folder, name);
      // Compressed files have other members after a kill, and the same content.
      const [out, errors] = index % 2 === 0 ? ['out.ndjson', 'errors.gz'] : ['out.zst', 'errors.ndjson'];
      const args = (prefix: string): string[] => [
        ...inputs,
        '--out',
        file(`${prefix}${out}`),
        '--errors',
        file(`${prefix}${errors}`),
        '--checkpoint',
        '20ms',
      ];
      await finishedRun(folder, pipeline, [...args('once-').slice(0, -2)]);
      const state = file('run.state');
      const killed = await killedRuns(
        () => startRun(folder, pipeline, [...args('killed-'), '--state', state]),
        state,
        random,
      );
      for (const name of [out, errors]) {
        expectSame(pipeline, textOf(file(`killed-${name}`)), textOf(file(`once-${name}`)));
      }
      return killed;
    }),
  ).catch((error: unknown) => {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  expect(counts).toEqual(pipelines.map(() => kills));
}, 300_000);
