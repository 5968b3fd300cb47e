// Writes the two files with which `npm ci` installs the packages of the image: `node scripts/production.ts FOLDER`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Versions = Readonly<Record<string, string>>;

interface Entry {
  readonly dependencies?: Versions | undefined;
  readonly optionalDependencies?: Versions | undefined;
  readonly peerDependencies?: Versions | undefined;
}

interface Manifest extends Entry {
  readonly name: string;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, Entry>>;
}

export interface Production {
  readonly manifest: Manifest;
  readonly lockfile: Lockfile;
}

/**
 * The manifest and lockfile of the project without development dependencies, and with the optional peers as dependencies:
 * the packages of the image and of the bill of materials, with the versions and hashes of the lockfile.
 *
 * `--omit=dev` is not enough. It leaves out the optional peers, which are development dependencies as well because the
 * tests use them; and `npm sbom` then leaves out every package that a development tool also needs.
 */
export function production(root: string): Production {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lockfile: Lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const dependencies = { ...manifest.dependencies, ...manifest.peerDependencies };
  const none = { devDependencies: undefined, peerDependencies: undefined, peerDependenciesMeta: undefined };
  const needed = [...reachable(lockfile.packages, { dependencies })].sort().map((place) => {
    return [place, { ...lockfile.packages[place], dev: undefined, devOptional: undefined }] as const;
  });
  const packages = {
    '': { ...lockfile.packages[''], ...none, dependencies },
    ...Object.fromEntries(needed),
  };
  return {
    manifest: { ...manifest, ...none, dependencies },
    lockfile: { ...lockfile, packages },
  };
}

/** Writes `package.json` and `package-lock.json`. */
export function writeProduction(folder: string, { manifest, lockfile }: Production): void {
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lockfile));
}

/** The paths in the lockfile of every package that Node.js can resolve from the root. */
function reachable(packages: Lockfile['packages'], root: Entry): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (from: string, { dependencies, optionalDependencies, peerDependencies }: Entry): void => {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const place = placeOf(packages, name, from);
      if (place === undefined || found.has(place)) continue;
      found.add(place);
      visit(place, packages[place] ?? {});
    }
  };
  visit('', root);
  return found;
}

/** The path at which Node.js finds a package that is imported from `from`: in the nearest node_modules above it. */
function placeOf(packages: Lockfile['packages'], name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (folder === '') return undefined;
  }
}

if (import.meta.main) writeProduction(process.argv[2] ?? '.', production(process.cwd()));
