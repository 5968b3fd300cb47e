import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../docs/pages.ts';

export interface Built {
  /** The entry of the command line, compiled. */
  readonly main: string;
  remove(): void;
}

/** The published files, compiled into a temporary folder: the sources run as well, but with a compiler in memory. */
export function build(): Built {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-built-'));
  const dist = join(folder, 'dist');
  execFileSync('npx', ['--no-install', 'tsc', '-p', 'tsconfig.build.json', '--outDir', dist], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return { main: join(dist, 'cli', 'main.js'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
