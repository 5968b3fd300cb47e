// Prints the bill of materials of what runs in production, as CycloneDX JSON: `npm run -s sbom > sbom.cdx.json`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly devDependencies?: unknown;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devDependencies?: unknown }>>;
}

/**
 * npm is shown a project that never had development dependencies: its own `--omit dev` leaves out what is needed both
 * in production and by a development tool. The name is that of the folder.
 */
export function sbom(root: string): string {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lockfile: Lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const packages = Object.entries(lockfile.packages)
    .filter(([, { dev }]) => dev !== true)
    .map(([path, entry]) => [path, { ...entry, devDependencies: undefined }] as const);

  const temporary = mkdtempSync(join(tmpdir(), 'millrace-sbom-'));
  const folder = join(temporary, manifest.name);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, devDependencies: undefined }));
    const production = { ...lockfile, packages: Object.fromEntries(packages) };
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(production));
    const options = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'];
    return execFileSync('npm', ['sbom', ...options], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

if (import.meta.main) process.stdout.write(sbom(join(import.meta.dirname, '..')));
