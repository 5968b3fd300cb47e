import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Compiles AssemblyScript to the modules that the code imports. They are committed, so that a user needs no compiler. */

const root = join(import.meta.dirname, '..');
const lineLength = 100;

interface CompiledModule {
  /** The file with the module, and the name under which it exports it. */
  readonly file: string;
  readonly name: string;
  readonly folder: string;
  /** The files whose exports the module has; they import the others of their folder. */
  readonly sources: readonly string[];
}

export const compiledModules: readonly CompiledModule[] = [
  {
    file: 'src/wire/json/json-scan-wasm.ts',
    name: 'jsonScanWasm',
    folder: 'src/wire/assembly',
    sources: ['json-scan.ts', 'line-additions.ts'],
  },
  {
    file: 'src/connectors/http/client/head/field-scan-wasm.ts',
    name: 'fieldScanWasm',
    folder: 'src/connectors/http/client/head/assembly',
    sources: ['field-scan.ts'],
  },
];

/** The text of the file of a module. */
export function compile({ name, folder, sources }: CompiledModule): string {
  const temporary = mkdtempSync(join(tmpdir(), 'millrace-wasm-'));
  try {
    const out = join(temporary, 'module.wasm');
    const options = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', out];
    execFileSync('npx', ['--no-install', 'asc', ...sources.map((source) => join(folder, source)), ...options], {
      cwd: root,
      stdio: 'inherit',
    });
    return moduleText(folder, name, readFileSync(out));
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function moduleText(folder: string, name: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  return [
    `/** \`${folder}\`, compiled by \`npm run wasm\`: WebAssembly in Base64. */`,
    `export const ${name}: string = [`,
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}

if (import.meta.main) for (const module of compiledModules) writeFileSync(join(root, module.file), compile(module));
