import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Millrace } from '../../service/serving.ts';
import {
  promised,
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
  while (run.running && versionOf(file) === before) await turn(2);
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
  const runs = await Promise.all(
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
      await finishedRun(folder, pipeline, args('once-').slice(0, -2));
      const state = file('run.state');
      const killed = await killedRuns(
        () => startRun(folder, pipeline, [...args('killed-'), '--state', state]),
        state,
        random,
      );
      const outputs = (prefix: string): unknown =>
        [out, errors].map((name) => promised(pipeline, textOf(file(`${prefix}${name}`))));
      return { killed, outputs: outputs('killed-'), undisturbed: outputs('once-') };
    }),
  ).catch((error: unknown) => {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  for (const { killed, outputs, undisturbed } of runs) {
    expect(killed).toBe(kills);
    expect(outputs, `seed ${seed}`).toEqual(undisturbed);
  }
}, 300_000);
