import { existsSync, statSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Millrace, serveFolder, type Serving } from '../../service/serving.ts';
import {
  env,
  promised,
  finishedRun,
  pipelines,
  randomFrom,
  runFolder,
  startRun,
  textOf,
  writeInputs,
} from './fixture.ts';

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

const versionOf = (file: string): number => (existsSync(file) ? statSync(file).mtimeMs : 0);

const anyPort = ['--host', '127.0.0.1', '--port', '0', '--admin-port', '0'];
const seedText =
  (seed: number) =>
  (error: unknown): never => {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  };

/** A run through a service: `run` and the service are killed in turn, each `kills` times; then both go on to the end. */
async function killedInTurn(pipeline: 'ordered' | 'keyed', kills: number, random: () => number) {
  const folder = runFolder();
  const inputs = writeInputs(folder, 6000);
  const file = (name: string): string => join(folder, name);
  const files = (prefix: string): string[] => [
    '--out',
    file(`${prefix}out.ndjson`),
    '--errors',
    file(`${prefix}errors.ndjson`),
  ];
  await finishedRun(folder, pipeline, [...inputs, ...files('once-')]);

  const started = async (port: string): Promise<Serving> =>
    serveFolder(folder, undefined, [...anyPort.with(3, port), '--log-level', 'silent'], { env });
  let serving = await started('0');
  const url = `http://127.0.0.1:${serving.port}`;
  const port = String(serving.port);
  const state = file('run.state');
  const begin = (): Millrace =>
    startRun(folder, pipeline, [
      ...inputs,
      ...files('killed-'),
      '--state',
      state,
      '--checkpoint',
      '20ms',
      '--url',
      url,
    ]);
  const progress = async (run: Millrace): Promise<void> => {
    const before = versionOf(state);
    while (run.running && versionOf(state) === before) await wait(2);
    await wait(random() * 60);
  };
  let run = begin();
  for (let life = 0; life < kills; life += 1) {
    await progress(run);
    const both = random() < 0.3;
    serving.child.kill('SIGKILL');
    if (both) run.child.kill('SIGKILL');
    await serving.ended;
    serving = await started(port);
    if (!both) {
      await progress(run);
      run.child.kill('SIGKILL');
    }
    expect((await run.ended)[1]).toBe('SIGKILL');
    run = begin();
  }
  const [code] = await run.ended;
  const outputs = (prefix: string): unknown =>
    ['out.ndjson', 'errors.ndjson'].map((name) => promised(pipeline, textOf(file(`${prefix}${name}`))));
  return { code, killed: outputs('killed-'), undisturbed: outputs('once-') };
}

test('a run through a service, both killed 16 times, has the output of an undisturbed run', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const runs = [killedInTurn('ordered', 8, randomFrom(seed)), killedInTurn('keyed', 8, randomFrom(seed + 1))];
  for (const { code, killed, undisturbed } of await Promise.all(runs).catch(seedText(seed))) {
    expect(code, `seed ${seed}`).toBe(0);
    expect(killed, `seed ${seed}`).toEqual(undisturbed);
  }
}, 300_000);

/** Passes bytes on to a port, and cuts each connection after a random number of them, `cuts` times. */
async function cuttingProxy(port: number, cuts: number, random: () => number) {
  let left = cuts;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const service = connect(port, '127.0.0.1');
    let bytes = left > 0 ? 2000 + random() * 40_000 : Infinity;
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.on('data', (chunk: Buffer) => {
        bytes -= chunk.length;
        if (bytes > 0) to.write(chunk);
        else {
          if (bytes > -Infinity) left -= 1;
          bytes = -Infinity;
          // The last bytes arrive in part, or the connection is reset.
          if (random() < 0.5) to.write(chunk.subarray(0, chunk.length / 2), () => to.destroy());
          else client.resetAndDestroy();
        }
      });
      from.on('end', () => to.end());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cutsLeft: () => left };
}

test('a run through a service whose connection is cut 12 times in each mode writes each line once, to stdout and to a file', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const folder = runFolder();
  const inputs = writeInputs(folder, 3000);
  const file = (name: string): string => join(folder, name);
  const serving = await serveFolder(folder, undefined, [...anyPort, '--log-level', 'silent'], { env });
  const runs = pipelines.map(async (pipeline, index) => {
    const proxy = await cuttingProxy(serving.port, 12, randomFrom(seed + index));
    const { stdout } = await finishedRun(folder, pipeline, inputs);
    const toFile = index % 2 === 1;
    const out = file(`${pipeline}.zst`);
    const options = ['--url', proxy.url, '--checkpoint', '20ms', ...(toFile ? ['--out', out] : [])];
    const cut = await finishedRun(folder, pipeline, [...inputs, ...options]);
    return {
      cutsLeft: proxy.cutsLeft(),
      stderr: cut.stderr,
      output: promised(pipeline, toFile ? textOf(out) : cut.stdout),
      undisturbed: promised(pipeline, stdout),
    };
  });
  for (const { cutsLeft, stderr, output, undisturbed } of await Promise.all(runs).catch(seedText(seed))) {
    expect(cutsLeft).toBeLessThanOrEqual(0);
    expect(stderr).toContain('trying again in');
    expect(output, `seed ${seed}`).toEqual(undisturbed);
  }
}, 120_000);
