import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compiled, python } from './page-programs.ts';
import type { Version } from './probes.ts';

const run = promisify(execFile);

/** Clients that read nothing before they have sent everything. Most can do nothing else; that of Go is made to wait. */
const programs = {
  requests: [python, 'late.py', 'requests'],
  httpx: [python, 'late.py', 'httpx'],
  'Java HttpClient': ['java', '-cp', '.', 'Late'],
  'Go net/http': ['./late'],
  'node:http2': [process.execPath, 'late.mjs'],
} as const satisfies Record<string, readonly string[]>;

export type LateName = keyof typeof programs;

/** A folder with these programs, compiled. */
export class LatePrograms {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-late-'));

  async prepare(): Promise<void> {
    for (const file of ['late.go', 'Late.java', 'late.py', 'late.mjs'])
      copyFileSync(join(import.meta.dirname, 'late', file), join(this.folder, file));
    await Promise.all([
      compiled(this.folder, ['go', 'build', '-o', 'late', 'late.go']),
      compiled(this.folder, ['javac', 'Late.java']),
    ]);
  }

  /** Sends a file. Resolves when its answer is whole in another one; rejects if the client has an error. */
  async send(name: LateName, version: Version, url: string, source: string, target: string): Promise<void> {
    const [command, ...first] = programs[name];
    const { stdout } = await run(command, [...first, version, url, source, target], { cwd: this.folder });
    if (stdout !== 'complete\n') throw new Error(`${name} says ${JSON.stringify(stdout)}`);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
