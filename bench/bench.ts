import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from './random.ts';

/** The tools of every experiment. Everything that it starts is stopped in reverse order, even after an error. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  /** The time of one measured run. */
  readonly seconds: number;
  readonly rounds: number;
  /** Decides the order of the contenders in each round. */
  readonly random: () => number;
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  constructor(quick: boolean, seed: number) {
    this.random = seeded(seed);
    this.seconds = quick ? 1 : 5;
    this.rounds = quick ? 2 : 5;
  }

  defer(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  async cleanUp(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).toReversed()) await cleanup();
  }

  async dispose(): Promise<void> {
    await this.cleanUp();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Writes a file into the folder of the benchmark and returns its path. */
  file(name: string, content: string | Buffer): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

export interface Flight {
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

const datasets = join(import.meta.dirname, '..', 'node_modules', 'vega-datasets', 'data');
export const airportsCsv = join(datasets, 'airports.csv');

/** 20,000 real flights. */
export function flights(): readonly Flight[] {
  const list: Flight[] = JSON.parse(readFileSync(join(datasets, 'flights-20k.json'), 'utf8'));
  return list;
}

export function ndjson(records: Iterable<unknown>): string {
  let text = '';
  for (const record of records) text += `${JSON.stringify(record)}\n`;
  return text;
}
