import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from './pages.ts';

const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const rooms =
  /`((?:src\/)?(?:cli|demo|service|http|pipeline|library|config|connectors|wire|cel|operator|lookup|observability|core)(?:\/[\w./-]+)?)`/g;

interface Hop {
  readonly number: number;
  readonly file: string;
  readonly member: string;
}

/** The rows of the table of hops: `file`: `function`. */
function hopsOf(markdown: string): readonly Hop[] {
  return Array.from(
    markdown.matchAll(/^\| (\d+) \| `([\w/-]+)`: `(#?\w+)` \| .+ \|$/gm),
    ([, number, file, member]) => ({
      number: Number(number),
      file: file ?? '',
      member: member ?? '',
    }),
  );
}

/** A method, or a member that holds a function. */
function declares({ file, member }: Hop): boolean {
  const path = join(root, 'src', `${file}.ts`);
  if (!existsSync(path)) return false;
  return new RegExp(String.raw`^ {2,4}(?:readonly )?${member}(?:\(|: | = )`, 'm').test(readFileSync(path, 'utf8'));
}

test('a record takes at most twelve hops, and every hop is a function of its file', () => {
  const hops = hopsOf(text);
  expect(hops.map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  expect(hops.filter((hop) => !declares(hop))).toEqual([]);
});

test('a hop that is not there is found', () => {
  const planted = '| 1 | `operator/async-wait`: `#nothing` | why |\n| 2 | `operator/nothing`: `offer` | why |\n';
  expect(hopsOf(planted).filter((hop) => !declares(hop))).toHaveLength(2);
});

test('every room, folder and file that the page names is there', () => {
  const named = Array.from(text.matchAll(rooms), ([, name = '']) => name.replace(/^src\//, ''));
  expect(named.length).toBeGreaterThan(40);
  const missing = named.filter((name) => {
    const path = join(root, 'src', name);
    return !existsSync(`${path}.ts`) && !existsSync(path) && !isInARoom(name);
  });
  expect(missing).toEqual([]);
});

/** `config/load`, `core/time`: the page leaves a folder out if the name is clear without it. */
function isInARoom(name: string): boolean {
  const [room = '', file = ''] = name.split('/');
  return existsSync(join(root, 'src', room, file, `${file}.ts`));
}
