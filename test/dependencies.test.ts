import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tracingPackages } from '../src/observability/tracing/tracing-packages.ts';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

const manifest: Manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const page = readFileSync('docs/dependencies.md', 'utf8');

/** The packages that the table under a heading names, in its order. */
function described(heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1] ?? '');
}

test('docs/dependencies.md gives a reason for each package that is installed with Millrace, and for no other', () => {
  expect(described('At run time')).toEqual(Object.keys(manifest.dependencies).sort());
});

test('docs/dependencies.md gives a reason for each package of development, and for no other', () => {
  const { devDependencies, peerDependencies } = manifest;
  const names = Object.keys(devDependencies).filter((name) => peerDependencies[name] === undefined);
  expect(described('For development')).toEqual(names.sort());
});

test('docs/dependencies.md gives a reason for each optional peer, and for no other', () => {
  const { devDependencies, peerDependencies, peerDependenciesMeta } = manifest;
  const names = Object.keys(peerDependencies);
  expect(described('Optional')).toEqual(names.sort());
  expect(Object.keys(peerDependenciesMeta).sort()).toEqual(names.sort());
  expect(names.filter((name) => peerDependenciesMeta[name]?.optional !== true)).toEqual([]);
  // The tests run with the versions that the message names.
  expect(names.map((name) => devDependencies[name])).toEqual(names.map((name) => peerDependencies[name]));
});

test('the message that says how to install OpenTelemetry has the versions of the optional peers', () => {
  const versions = Object.entries(manifest.peerDependencies).map(([name, range]) => [name, range.replace('^', '')]);
  expect(Object.entries(tracingPackages)).toEqual(versions);
});

test('the lockfile has every package of every platform: `npm ci` refuses one that has not', () => {
  const lock: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
    readFileSync('package-lock.json', 'utf8'),
  );
  const held = Object.keys(lock.packages);
  const missing = Object.values(lock.packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => !held.some((path) => path.endsWith(`node_modules/${name}`)));
  expect(missing).toEqual([]);
});

interface Borrowed {
  readonly source: string;
  readonly test: string;
}

/** The rows of the table of what is not promised, with the files that each one links. */
function borrowedRows(): readonly Borrowed[] {
  const section = page.split(/^## /m).find((part) => part.startsWith('What we lean on that is not promised')) ?? '';
  const rows = [...section.matchAll(/^\| .*\]\(\.\.\/(src\/[^)]+)\).*\]\(\.\.\/(test\/[^)]+)\) \|$/gm)];
  return rows.map(([, source = '', file = '']) => ({ source, test: file }));
}

test('docs/dependencies.md names each place that says it is borrowed, and no other', () => {
  const marked = globSync('src/**/*.ts').filter((file) =>
    readFileSync(file, 'utf8').includes('Borrowed (docs/dependencies.md)'),
  );
  expect([...new Set(borrowedRows().map(({ source }) => source))].sort()).toEqual(marked.sort());
});

test('docs/dependencies.md names for each borrowed thing a file that has a test', () => {
  const rows = borrowedRows();
  expect(rows.length).toBeGreaterThanOrEqual(10);
  const without = rows.filter((row) => !/^\s*test[(.]/m.test(readFileSync(join('.', row.test), 'utf8')));
  expect(without).toEqual([]);
});
