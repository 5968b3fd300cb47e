import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * Writes the package `@millrace/async-wait`: the compiled files that `index.js` and `index.d.ts` need, without any
 * dependency. Throws Error for an import of anything else, even a module of Node.js: the library also runs in browsers and
 * workers.
 */
export function writeAsyncWait(root: string, dist: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const files = new Set([...needed(join(dist, 'index.js')), ...needed(join(dist, 'index.d.ts'))]);
  for (const file of files) {
    const target = join(folder, 'dist', relative(dist, file));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifestOf(root), null, 2)}\n`);
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  copyFileSync(join(root, 'scripts', 'async-wait', 'README.md'), join(folder, 'README.md'));
}

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
}

/** Version, licence and engines are the same as in Millrace's manifest. */
function manifestOf(root: string): object {
  const { version, license, engines }: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    name: '@millrace/async-wait',
    version,
    description:
      'An async function over a stream, many calls at a time: in order or not, with bounded memory, timeouts, retries and checkpoints. Flink’s Async I/O for JavaScript, without dependencies.',
    keywords: [
      'async',
      'async-iterator',
      'stream',
      'concurrency',
      'ordered',
      'backpressure',
      'retry',
      'flink',
      'async-io',
    ],
    license,
    type: 'module',
    sideEffects: false,
    engines,
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist'],
    publishConfig: { access: 'public' },
  };
}

const specifier = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"\n]+)['"]/g;
const comment = /\/\*[\s\S]*?\*\/|(?<=^|[\s;{}])\/\/[^\n]*/g;

/** The file, and every file that it imports, directly or not. A declaration file imports declaration files. */
function needed(entry: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, name = ''] of readFileSync(file, 'utf8').replaceAll(comment, '').matchAll(specifier)) {
      if (!name.startsWith('.')) throw new Error(`${file} imports ${name}: the library has no dependency`);
      const target = join(dirname(file), name);
      visit(file.endsWith('.d.ts') ? target.replace(/(?:\.d)?\.[jt]s$/, '.d.ts') : target);
    }
  };
  visit(entry);
  return found;
}
