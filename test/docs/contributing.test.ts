import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codes, fencesOf, proseOf, root } from './pages.ts';

const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
const files = globSync('{src,test,scripts,docs,helm,openapi,bench,examples}/**/*.*', { cwd: root });

/** The paths of files that a text names as code. `NAME` stands for one word. */
function pathsIn(markdown: string): readonly string[] {
  return proseOf(markdown)
    .split('\n')
    .flatMap((line) => codes(line))
    .filter((code) => /^(?:src|test|scripts|docs|helm|openapi)\/\S+\.\w+$/.test(code));
}

/** Whether there is such a file; for a path with `NAME`, whether some file of the project follows it. */
function exists(path: string): boolean {
  const [first = '', ...parts] = path.split('NAME').map((part) => part.replaceAll('.', String.raw`\.`));
  const pattern = new RegExp(
    `^${first}${parts.map((part, place) => (place === 0 ? '([a-z-]+)' : String.raw`\1`) + part).join('')}$`,
  );
  return files.some((file) => pattern.test(file));
}

test('every file that CONTRIBUTING.md names is there, and every pattern has an example in the project', () => {
  const named = pathsIn(text);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((path) => !exists(path))).toEqual([]);
});

test('every file that a comment of knip.jsonc names is there', () => {
  const comments = Array.from(
    readFileSync(join(root, 'knip.jsonc'), 'utf8').matchAll(/^ *\/\/.*$/gm),
    ([line]) => line,
  );
  const named = comments.flatMap((line) => line.match(/\b(?:src|test|scripts)\/[\w/-]+\.\w+/g) ?? []);
  expect(named.length).toBeGreaterThan(2);
  expect(named.filter((path) => !exists(path))).toEqual([]);
});

test('a file that is not there is found', () => {
  const named = pathsIn(
    '| `src/core/errors.ts`, `src/core/nothing.ts` | `src/lookup/NAME.tsx` | `src/connectors/NAME/NAME.ts` |',
  );
  expect(named.filter((path) => !exists(path))).toEqual(['src/core/nothing.ts', 'src/lookup/NAME.tsx']);
});

test('every npm script that CONTRIBUTING.md names is in package.json', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const named = Array.from(text.matchAll(/npm run ([\w:-]+)/g), ([, name = '']) => name);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test('the example of a commit keeps the rule for its subject', () => {
  const [subject = ''] =
    fencesOf(text)
      .find(({ language }) => language === 'text')
      ?.text.split('\n') ?? [];
  expect(subject).toMatch(/^[a-z]+: [a-z].*[^.]$/);
  expect(subject.length).toBeLessThanOrEqual(72);
});
