import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { writeAsyncWait } from './async-wait-package.ts';

/**
 * Writes `dist`: the compiled sources with their declarations, an executable `dist/cli/main.js`, and the data of the demo
 * with a note about its source, so that the demo needs only files of the package. Also writes `dist-async-wait`, the
 * library as its own package.
 */

interface DataPackage {
  readonly resources: readonly {
    readonly path: string;
    readonly sources?: readonly { readonly title: string; readonly path: string }[];
    readonly licenses?: readonly { readonly title: string; readonly path?: string }[];
  }[];
}

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const datasets = join(root, 'node_modules', 'vega-datasets');
const demoFiles = ['airports.csv', 'flights-20k.json'];

rmSync(dist, { recursive: true, force: true });
execFileSync('npx', ['--no-install', 'tsc', '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
chmodSync(join(dist, 'cli', 'main.js'), 0o755);

const demoData = join(dist, 'demo-data');
mkdirSync(demoData, { recursive: true });
for (const file of demoFiles) copyFileSync(join(datasets, 'data', file), join(demoData, file));
writeFileSync(join(demoData, 'NOTICE'), notice());
writeAsyncWait(root, dist, join(root, 'dist-async-wait'));

/** Source and licence of each file, as its package states them. */
function notice(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(datasets, 'package.json'), 'utf8'));
  const catalog: DataPackage = JSON.parse(readFileSync(join(datasets, 'datapackage.json'), 'utf8'));
  const described = demoFiles.map((file) => {
    const resource = catalog.resources.find(({ path }) => basename(path) === file);
    if (resource === undefined) throw new Error(`vega-datasets no longer describes ${file}`);
    const sources = (resource.sources ?? []).map(({ title, path }) => `  source: ${title}, ${path}\n`);
    const terms = (resource.licenses ?? []).map(
      ({ title, path }) => `  terms: ${[title, path].filter(Boolean).join(', ')}\n`,
    );
    return [`${file}\n`, ...sources, ...terms].join('');
  });
  return (
    'Data of "millrace demo", unchanged from the npm package ' +
    `vega-datasets@${manifest.version} (https://github.com/vega/vega-datasets, BSD-3-Clause).\n\n${described.join('\n')}`
  );
}
