import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `npm run test:image`: builds the image as docs/docker.md shows, on base images built here, and runs it with as few
 * rights as possible. It takes minutes, and needs root and the Debian packages buildah, umoci, runc, mmdebstrap and curl.
 *
 * `--keep` keeps all files, and prints the name of their folder. The last line is `N passed, N failed`.
 */
const programs = ['buildah', 'umoci', 'runc', 'mmdebstrap', 'curl', 'nsenter'];
const missing = programs.filter(
  (program) => spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin" command -v ${program}`]).status !== 0,
);
if (missing.length > 0 || process.getuid?.() !== 0) {
  process.stderr.write(`The test of the image needs root and ${programs.join(', ')}; missing: ${missing.join(', ')}\n`);
  process.exit(1);
}

const state = mkdtempSync(join(tmpdir(), 'millrace-image-'));
// The user of the container has to pass through this folder to reach mounted files.
chmodSync(state, 0o755);
process.env['MILLRACE_TEST_STATE'] = state;
mkdirSync(join(state, 'bin'));
const standIn = join(import.meta.dirname, 'docker.ts');
writeFileSync(join(state, 'bin/docker'), `#!/bin/sh\nexec '${process.execPath}' '${standIn}' "$@"\n`, { mode: 0o755 });

let failed = 1;
try {
  const { makeBases } = await import('./bases.ts');
  const { testImage } = await import('./steps.ts');
  const { build, runtime } = makeBases();
  process.env['MILLRACE_TEST_BUILD'] = JSON.stringify([
    '--build-arg',
    `BUILD_IMAGE=${build}`,
    '--build-arg',
    `RUNTIME_IMAGE=${runtime}`,
    ...secrets(),
  ]);
  failed = await testImage();
} finally {
  const { endAll } = await import('./steps.ts');
  endAll();
  if (process.argv.includes('--keep')) process.stderr.write(`kept: ${state}\n`);
  else rmSync(state, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;

/** The registry and the certificates of npm on this machine, which npm needs inside the build as well. */
function secrets(): readonly string[] {
  const npmrc = join(state, 'npmrc');
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  writeFileSync(npmrc, `registry=${registry}`);
  const { NODE_EXTRA_CA_CERTS: ca } = process.env;
  return ['--secret', `id=npmrc,src=${npmrc}`, ...(ca === undefined ? [] : ['--secret', `id=ca,src=${ca}`])];
}
