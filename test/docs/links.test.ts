import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { allPages, pages, proseOf, root } from './pages.ts';

/** The anchor that a heading gets: lower case, spaces as dashes, without punctuation. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsOf(text: string): readonly string[] {
  return Array.from(proseOf(text).matchAll(/^#{1,6} (.+)$/gm), ([, heading = '']) => anchorOf(heading));
}

function brokenLinks(name: string, text: string): readonly string[] {
  const links = Array.from(proseOf(text).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
  return links
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? name : join(dirname(name), file);
      if (!existsSync(join(root, path))) return true;
      return anchor !== undefined && !anchorsOf(allPages.get(path) ?? '').includes(anchor);
    });
}

test.each([...allPages])('every link in %s leads to a file and a heading that exist', (name, text) => {
  expect(brokenLinks(name, text)).toEqual([]);
});

test('a link to a missing file or heading is reported', () => {
  expect(brokenLinks('docs/x.md', '[a](http.md) [b](nowhere.md) [c](http.md#nothing)')).toEqual([
    'nowhere.md',
    'http.md#nothing',
  ]);
});

test('docs/README.md links to every page once', () => {
  const index = pages.get('docs/README.md') ?? '';
  const named = Array.from(index.matchAll(/\]\(([^)#]+\.md)\)/g), ([, target = '']) => target);
  const there = [...pages.keys()].map((name) => basename(name)).filter((name) => name !== 'README.md');
  expect(named.filter((target) => !target.includes('/')).toSorted()).toEqual(there.toSorted());
});
