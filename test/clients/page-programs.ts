import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fencesOf, page, root } from '../docs/pages.ts';

const run = promisify(execFile);

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Program {
  /** The file of docs/clients.md. */
  readonly file: string;
  /** Compiles it in its folder. */
  readonly compile?: readonly [string, ...string[]];
  readonly command: readonly [string, ...string[]];
}

/** Python is Debian's, whose modules scripts/install-test-programs.sh installs; another one may come first in PATH. */
export const python = '/usr/bin/python3';

/** The programs of docs/clients.md that run without a browser. Each takes a URL, the file of the records, and a file for the output. */
const programs = {
  curl: { file: 'resume.sh', command: ['bash', 'resume.sh'] },
  requests: { file: 'resume_requests.py', command: [python, 'resume_requests.py'] },
  httpx: { file: 'resume_httpx.py', command: [python, 'resume_httpx.py'] },
  aiohttp: { file: 'resume_aiohttp.py', command: [python, 'resume_aiohttp.py'] },
  fetch: { file: 'resume_fetch.mjs', command: [process.execPath, 'resume_fetch.mjs'] },
  undici: { file: 'resume_undici.mjs', command: [process.execPath, 'resume_undici.mjs'] },
  'Go net/http': { file: 'resume.go', compile: ['go', 'build', '-o', 'resume', 'resume.go'], command: ['./resume'] },
  'Java HttpClient': {
    file: 'Resume.java',
    compile: ['javac', 'Resume.java'],
    command: ['java', '-cp', '.', 'Resume'],
  },
} as const satisfies Record<string, Program>;

/** The programs of its section about compressed uploads, with the same arguments. */
const compressing = {
  'Python, compressed': { file: 'compressed.py', command: [python, 'compressed.py'] },
  'Node.js, compressed': { file: 'compressed.mjs', command: [process.execPath, 'compressed.mjs'] },
  'Go, compressed': {
    file: 'compressed.go',
    compile: ['go', 'build', '-o', 'compressed', 'compressed.go'],
    command: ['./compressed'],
  },
  'Java, compressed': {
    file: 'Compressed.java',
    compile: ['javac', 'Compressed.java'],
    command: ['java', '-cp', '.', 'Compressed'],
  },
} as const satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;
export const programNames = Object.keys(programs) as readonly ProgramName[];
export type CompressingName = keyof typeof compressing;
export const compressingNames = Object.keys(compressing) as readonly CompressingName[];
const all = { ...programs, ...compressing };

/** Go and the JDK compile when a file of tests starts; Go's first time compiles its library. */
export const compileMs = 300_000;

/** The file of docs/clients.md with this name. */
export function shown(file: string): string {
  const fence = fencesOf(page('clients.md')).find(({ marks }) => marks.includes(`file=${file}`));
  if (fence === undefined) throw new Error(`docs/clients.md shows no ${file}`);
  return `${fence.text}\n`;
}

/** A folder with all programs of the page, compiled. With `mostSeconds` a program that runs for longer is ended. */
export class PagePrograms {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-clients-'));
  readonly #limit: readonly string[];

  constructor(mostSeconds?: number) {
    this.#limit = mostSeconds === undefined ? [] : ['timeout', String(mostSeconds)];
  }

  async prepare(names: readonly (ProgramName | CompressingName)[] = programNames): Promise<void> {
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
    for (const file of ['ndjson.py', 'lines.mjs']) writeFileSync(join(this.folder, file), shown(file));
    await Promise.all(
      names.map(async (name) => {
        const { file, compile }: Program = all[name];
        writeFileSync(join(this.folder, file), shown(file));
        if (compile !== undefined) await compiled(this.folder, compile);
      }),
    );
  }

  /** Runs a program to its end. */
  async run(name: ProgramName | CompressingName, ...args: readonly string[]): Promise<Ended> {
    const [command = '', ...first] = [...this.#limit, ...all[name].command, ...args];
    const child = spawn(command, first, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  }

  /** A folder for the files of one test. */
  place(name: string): string {
    const place = join(this.folder, name.replaceAll(/\W/g, '-'));
    mkdirSync(place, { recursive: true });
    return place;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Compiles in a folder. Go needs no C compiler and no network for what the programs use. */
export async function compiled(folder: string, [program, ...args]: readonly [string, ...string[]]): Promise<void> {
  const go = { CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GO111MODULE: 'off', GOTOOLCHAIN: 'local' };
  await run(program, args, { cwd: folder, env: { ...process.env, ...go } });
}
