// Prints the bill of materials of the image, as CycloneDX JSON: `npm run -s sbom > sbom.cdx.json`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { production, writeProduction } from './production.ts';

/** The production dependencies and the optional peers, which are in the image. npm uses the name of the folder. */
export function sbom(root: string): string {
  const needed = production(root);
  const temporary = mkdtempSync(join(tmpdir(), 'millrace-sbom-'));
  const folder = join(temporary, needed.manifest.name);
  try {
    mkdirSync(folder);
    writeProduction(folder, needed);
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
