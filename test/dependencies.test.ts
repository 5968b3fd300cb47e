import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
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
  expect(described('For development')).toEqual(Object.keys(manifest.devDependencies).sort());
});

test('the lockfile holds every package for every platform, which `npm ci` insists on', () => {
  const lock: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
    readFileSync('package-lock.json', 'utf8'),
  );
  const held = Object.keys(lock.packages);
  const missing = Object.values(lock.packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => !held.some((path) => path.endsWith(`node_modules/${name}`)));
  expect(missing).toEqual([]);
});
