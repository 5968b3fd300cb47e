import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Phrases that make a reader stop, and what to write instead. The text of the project is for an engineer who reads
 * quickly and whose first language may not be English. CONTRIBUTING.md has the other rules.
 */
const phrases: ReadonlyMap<string, string> = new Map([
  ['can not', 'cannot'],
  ['nobody', 'the caller, the client, the process that does not'],
  ['no one', 'the caller, the client, the process that does not'],
  ['anybody', 'the caller, the client'],
  ['in place of', 'instead of'],
  ['where it has none', 'if it has none'],
  ['where there is one', 'if there is one'],
  [', where not', 'if not'],
  ['is told', 'is reported, is called, receives'],
  ['are told', 'are reported, are called, receive'],
  ['is asked', 'is called, is read, is requested'],
  ['are asked', 'are called, are read, are requested'],
  ['looked at', 'read, checked, used'],
  ['hears', 'receives'],
  ['said to', 'is, reported to'],
  ['takes it back', 'removes it'],
]);

/** A phrase may be broken over lines of a comment, or over two strings that are joined. */
const gap = String.raw`(?:[ \t]+|[ \t]*\r?\n[ \t]*(?:\*|\/\/|#|>)?[ \t]*| ?['\x60"]\s*\+\s*['\x60"] ?)`;
const patterns = Array.from(phrases.keys(), (phrase) => {
  const cased = phrase.replace(/^\w/, (letter) => String.raw`\b[${letter}${letter.toUpperCase()}]`);
  return [phrase, new RegExp(`${cased.replaceAll(' ', gap)}${String.raw`\b(?!-)`}`, 'g')] as const;
});

/** Every match in a text, as `line: phrase (what to write)`. */
function found(text: string): string[] {
  return patterns.flatMap(([phrase, pattern]) =>
    Array.from(text.matchAll(pattern), ({ index }) => {
      const line = text.slice(0, index).split('\n').length;
      return `${line}: "${phrase}": write ${phrases.get(phrase)}`;
    }),
  );
}

const root = join(import.meta.dirname, '..');
const files = globSync(
  [
    '{src,docs,helm,examples,test,scripts,bench,openapi}/**/*.{ts,mjs,cjs,md,yaml,json,tpl,txt,sh,py}',
    '*.md',
    'Dockerfile',
    '.ci/run',
  ],
  { cwd: root, exclude: ['**/node_modules/**', 'bench/results/**', 'examples/sidecar/charts/**'] },
).filter((file) => basename(file) !== 'words.test.ts');

test('no text of the project has a phrase of the list', () => {
  expect(files.length).toBeGreaterThan(600);
  const all = files.flatMap((file) => found(readFileSync(join(root, file), 'utf8')).map((hit) => `${file}:${hit}`));
  expect(all).toEqual([]);
});

/** Every phrase in one line, over lines of a comment, and over strings that are joined. */
const plants = Array.from(phrases.keys()).flatMap((phrase): [text: string, phrase: string][] => [
  [`it says ${phrase} here`, phrase],
  [`// it says\n// ${phrase.replaceAll(' ', '\n// ')} here`, phrase],
  [`/**\n * ${phrase.replaceAll(' ', '\n * ')} here\n */`, phrase],
  [`'it says ${phrase.replaceAll(' ', " ' +\n  '")} here'`, phrase],
]);

test.each<[text: string, phrase: string]>([
  ...plants,
  ['a member that can not be read', 'can not'],
  ['// Nobody waits for it.', 'nobody'],
  ['/**\n * The caller is\n * told about it.\n */', 'is told'],
  ['| a table | it is\nasked again |', 'is asked'],
  ["'the lookup is ' +\n  'asked again'", 'is asked'],
  ['a default, where not given', ', where not'],
])('%j is found', (text, phrase) => {
  expect(found(text)).toEqual([expect.stringContaining(`"${phrase}"`)]);
});

test.each(['it cannot be read', 'nobodyReads', 'noBody', 'a no one-to-one relation', 'retold', 'disasked of'])(
  '%j is not found',
  (text) => {
    expect(found(text)).toEqual([]);
  },
);
