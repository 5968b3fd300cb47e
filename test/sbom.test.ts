import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { production } from '../scripts/production.ts';
import { sbom } from '../scripts/sbom.ts';

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly unknown[];
  readonly hashes?: readonly { readonly alg: string }[];
}

interface Bom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
}

interface Locked {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '..');
const { packages }: { packages: Readonly<Record<string, Locked>> } = JSON.parse(
  readFileSync(join(root, 'package-lock.json'), 'utf8'),
);
let bom: Bom;

beforeAll(() => {
  bom = JSON.parse(sbom(root));
}, 60_000);

/** The folder in which Node.js finds a package that `from` imports: the nearest node_modules above it. */
function placeOf(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (folder === '') return undefined;
  }
}

/** Every package that can be reached from the dependencies of the project, by the rule of Node.js. */
function reachable(): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (path: string): void => {
    const { dependencies, optionalDependencies, peerDependencies } = packages[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const place = placeOf(name, path);
      if (place === undefined || found.has(place)) continue;
      found.add(place);
      visit(place);
    }
  };
  visit('');
  return found;
}

const nameOf = (place: string): string => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

test('the bill of materials lists the production dependencies, all of them and no others', () => {
  const needed = [...reachable()].map((place) => `${nameOf(place)}@${packages[place]?.version}`);
  const listed = bom.components.map(({ name, version }) => `${name}@${version}`);
  expect(new Set(listed)).toEqual(new Set(needed));
  expect(listed).toContain(`fastify@${packages['node_modules/fastify']?.version}`);
  expect(listed).not.toContain(`vitest@${packages['node_modules/vitest']?.version}`);
});

test('the bill of materials lists the optional peers, which are part of the image, and their dependencies', () => {
  const names = new Set(bom.components.map(({ name }) => name));
  expect(Object.keys(packages['']?.peerDependencies ?? {}).filter((name) => !names.has(name))).toEqual([]);
  expect(names).toContain('@opentelemetry/otlp-transformer');
});

test('`npm ci` of the image installs the project without development dependencies, at the versions of the lockfile', () => {
  const { manifest, lockfile } = production(root);
  const { dependencies, peerDependencies } = packages[''] ?? {};
  expect(manifest.dependencies).toEqual({ ...dependencies, ...peerDependencies });
  expect(lockfile.packages['']?.dependencies).toEqual(manifest.dependencies);
  const places = Object.keys(lockfile.packages).filter((place) => place !== '');
  expect(new Set(places)).toEqual(reachable());
  for (const place of places) {
    const { dev, ...held } = { dev: undefined, ...lockfile.packages[place] };
    expect({ place, dev, ...held }).toMatchObject({ place, version: packages[place]?.version, dev: undefined });
  }
});

test('the bill of materials lists a package that production and a development tool both need', () => {
  const { dependencies = {}, devDependencies = {} } = packages[''] ?? {};
  const names = new Set(bom.components.map(({ name }) => name));
  expect(Object.keys(dependencies).filter((name) => !names.has(name))).toEqual([]);
  const both = Object.keys(devDependencies).filter((name) => reachable().has(`node_modules/${name}`));
  expect(both.filter((name) => !names.has(name))).toEqual([]);
});

test('the bill of materials is CycloneDX, of this package, with a hash for each component', () => {
  const { name, version }: Component = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(bom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name, version } } });
  expect(
    bom.components.filter(({ hashes, purl }) => hashes?.[0]?.alg !== 'SHA-512' || !purl.startsWith('pkg:npm/')),
  ).toEqual([]);
});
