import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildah, execute, state } from './programs.ts';

/** The names of the two base images of the Dockerfile, built here from Debian's packages and npm's Node.js. */
export interface Bases {
  readonly build: string;
  readonly runtime: string;
}

/** The libraries that Node.js is linked to, and nothing else: no shell, no package manager. */
const runtimePackages = 'base-files,libc6,libgcc-s1,libstdc++6';

export function makeBases(): Bases {
  const folder = join(state, 'bases');
  mkdirSync(folder);
  debian('extract', runtimePackages, join(folder, 'runtime.tar'));
  debian('minbase', 'ca-certificates', join(folder, 'build.tar'));

  const local = join(folder, 'local');
  mkdirSync(join(local, 'bin'), { recursive: true });
  cpSync(process.execPath, join(local, 'bin/node'));
  const quiet = ['--no-audit', '--no-fund', '--loglevel', 'error'];
  execute('npm', ['install', '--global', '--prefix', local, ...quiet, 'npm@11'], 'inherit');

  return {
    build: image(folder, 'build', 'FROM scratch\nADD build.tar /\nCOPY local /usr/local\n'),
    runtime: image(folder, 'runtime', 'FROM scratch\nADD runtime.tar /\n'),
  };
}

function debian(variant: string, packages: string, target: string): void {
  execute('mmdebstrap', ['--quiet', `--variant=${variant}`, `--include=${packages}`, 'bookworm', target]);
}

function image(folder: string, name: string, dockerfile: string): string {
  const file = join(folder, `Dockerfile.${name}`);
  writeFileSync(file, dockerfile);
  const tag = `localhost/base-${name}`;
  buildah(['bud', '--quiet', '--isolation', 'chroot', '--tag', tag, '--file', file, folder]);
  return tag;
}
