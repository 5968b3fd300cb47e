import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Compiles `src/wire/assembly` to the module that the code imports. The module is committed, so that a user needs no compiler. */

const root = join(import.meta.dirname, '..');
const lineLength = 100;
/** The files whose exports the module has; they import the others. */
const sources = ['src/wire/assembly/json-scan.ts', 'src/wire/assembly/line-additions.ts'];

/** The text of `src/wire/json/json-scan-wasm.ts`. */
export function compiledModule(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-wasm-'));
  try {
    const out = join(folder, 'json-scan.wasm');
    const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', out];
    execFileSync('npx', ['--no-install', 'asc', ...sources, ...options], {
      cwd: root,
      stdio: 'inherit',
    });
    return moduleOf(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function moduleOf(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  return [
    '/** `src/wire/assembly`, compiled by `npm run wasm`: WebAssembly in Base64. */',
    'export const jsonScanWasm: string = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync(join(root, 'src', 'wire', 'json', 'json-scan-wasm.ts'), compiledModule());
