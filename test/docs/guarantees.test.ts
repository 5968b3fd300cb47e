import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { declaredTests, hasTest } from './declared-tests.ts';
import { allPages, codes, page, root, section } from './pages.ts';

/** The four texts that are compared. */
interface Texts {
  readonly guarantees: string;
  readonly readme: string;
  readonly semantics: string;
  readonly security: string;
}

const columns = ['promise', 'how', 'limits', 'shown by'];
const texts: Texts = {
  guarantees: page('guarantees.md'),
  readme: allPages.get('README.md') ?? '',
  semantics: page('semantics.md'),
  security: allPages.get('SECURITY.md') ?? '',
};

const cellsOf = (line: string): readonly string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The rows of the tables whose first column has this heading. */
function rowsBelow(text: string, heading: string): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  let inTable = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) inTable = false;
    else if (cellsOf(line)[0] === heading) inTable = true;
    else if (inTable && !/^\|[-: |]+\|$/.test(line)) rows.push(cellsOf(line));
  }
  return rows;
}

interface Named {
  readonly file: string;
  readonly test: string;
}

/** `test/a.test.ts`: `one`; `two`; `test/b.test.ts`: `three`. */
function testsIn(cell = ''): readonly Named[] {
  const named: Named[] = [];
  let file = '';
  for (const code of codes(cell)) {
    if (code.startsWith('test/')) file = code;
    else named.push({ file, test: code });
  }
  return named;
}

function sourceOf(file: string): string {
  const path = join(root, file);
  return file !== '' && existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function missing(cell: string | undefined, source: (file: string) => string): readonly string[] {
  return testsIn(cell)
    .filter(({ file, test: name }) => !hasTest(source(file), name))
    .map(({ file, test: name }) => `there is no test "${name}" in ${file}`);
}

/** What is wrong with the table of guarantees. */
function faultsOf({ guarantees, readme, semantics }: Texts, source = sourceOf): readonly string[] {
  const rows = rowsBelow(guarantees, 'promise');
  const promises = new Set(rows.map(([promise]) => promise));
  const rules = Array.from(semantics.matchAll(/^- \*\*([A-Z]\d(?:, [A-Z]\d)*)\*\*/gm), ([, list = '']) => list);
  const quoted = new Set(rows.flatMap(([, how = '']) => how.match(/\b[A-Z]\d\b/g) ?? []));
  return [
    ...rows.flatMap((row) =>
      row.length === columns.length && row.every((cell) => cell !== '') && testsIn(row[3]).length > 0
        ? []
        : [`the row "${row[0]}" lacks one of ${columns.join(', ')}`],
    ),
    ...rows.flatMap(([, , , shown]) => missing(shown, source)),
    ...rowsBelow(section(readme, '## What it guarantees'), 'promise')
      .filter(([promise]) => !promises.has(promise))
      .map(([promise]) => `the promise "${promise}" of README.md is in no row`),
    ...rules
      .flatMap((list) => list.split(', '))
      .filter((rule) => !quoted.has(rule))
      .map((rule) => `the rule ${rule} of docs/semantics.md is in no row`),
  ];
}

/** Items of OWASP that have tests of their own, over real HTTP against a started service. */
const ownTests = ['API4', 'API7', 'API8', 'API10'];

/** What is wrong with the table of OWASP's items in SECURITY.md. */
function owaspFaults({ security }: Texts, source = sourceOf): readonly string[] {
  const rows = rowsBelow(security, 'item');
  const items = new Set(rows.map(([item = '']) => item.split(' ')[0]));
  const expected = Array.from({ length: 10 }, (_, index) => `API${index + 1}`);
  return [
    ...expected.filter((item) => !items.has(item)).map((item) => `${item} is in no row`),
    ...rows.filter(([, , shown]) => testsIn(shown).length === 0).map(([item]) => `${item} names no test`),
    ...rows.flatMap(([, , shown]) => missing(shown, source)),
    ...ownTests
      .filter((item) => {
        const shown = rows.find(([name]) => name?.startsWith(`${item} `))?.[2];
        return !testsIn(shown).some(({ file }) => file.startsWith(`test/security/${item.toLowerCase()}-`));
      })
      .map((item) => `${item} has no test in test/security`),
  ];
}

test('every promise has a mechanism, its limits and a test that exists, and no promise or rule is left out', () => {
  expect(rowsBelow(texts.guarantees, 'promise').length).toBeGreaterThan(60);
  expect(rowsBelow(section(texts.readme, '## What it guarantees'), 'promise').length).toBeGreaterThan(5);
  expect(faultsOf(texts)).toEqual([]);
});

test('every item of OWASP has a row with tests that exist, and four of them have tests of their own', () => {
  expect(owaspFaults(texts)).toEqual([]);
});

const file = 'test/core/fifo.test.ts';
const name = 'an empty fifo returns undefined';
const row = `| a | how | limits | \`${file}\`: \`${name}\` |`;
const planted = (shown: string): Texts => ({
  ...texts,
  guarantees: `${texts.guarantees}\n\n| promise | how | limits | shown by |\n|---|---|---|---|\n${shown}\n`,
});

describe('a fault that is planted is found:', () => {
  test.each<[what: string, fault: Texts, found: string]>([
    ['a file that is gone', planted(row.replace('fifo', 'fifa')), `"${name}" in test/core/fifa.test.ts`],
    ['a test that is gone', planted(row.replace('empty', 'open')), `"an open fifo returns undefined" in ${file}`],
    ['a test without a file', planted(row.replace(`\`${file}\`: `, '')), `"${name}" in `],
    ['a row without its test', planted('| a | how | limits | by hand |'), 'the row "a" lacks one of'],
    ['a row without limits', planted(row.replace('| limits', '| ')), 'the row "a" lacks one of'],
    ['a row without a mechanism', planted(row.replace('| how', '| ')), 'the row "a" lacks one of'],
    ['a row with three columns', planted(row.replace('| how', '')), 'the row "a" lacks one of'],
    [
      'a promise that only the README has',
      { ...texts, readme: texts.readme.replace('| No record is lost', '| No bit is lost') },
      'the promise "No bit is lost or repeated" of README.md is in no row',
    ],
    [
      'a rule that is in no row',
      { ...texts, semantics: `${texts.semantics}\n- **Z1, Z2** A rule.\n` },
      'the rule Z2 of docs/semantics.md is in no row',
    ],
  ])('%s', (_, fault, found) => {
    expect(faultsOf(fault)).toEqual(expect.arrayContaining([expect.stringContaining(found)]));
  });

  test.each(['.skip', '.todo', '.fails'])('a test with %s', (modifier) => {
    const source = sourceOf(file).replace(`test('${name}'`, `test${modifier}('${name}'`);
    expect(faultsOf(planted(row), (path) => (path === file ? source : sourceOf(path)))).toEqual([
      `there is no test "${name}" in ${file}`,
    ]);
  });

  test.each<[what: string, from: RegExp | string, to: string, found: string]>([
    ['an item of OWASP without a row', /^\| API9 .*$/m, '', 'API9 is in no row'],
    [
      'an item without a test',
      /^(\| API9 .*\| ).*\|$/m,
      '$1none |',
      'API9 Improper Inventory Management names no test',
    ],
    [
      'an item without a test of its own',
      /test\/security\/api7-ssrf/g,
      'test/http/api7',
      'API7 has no test in test/security',
    ],
    [
      'a test of security that is gone',
      'makes no line of its own',
      'makes no line',
      'an answer with %s makes no line"',
    ],
  ])('%s', (_, from, to, found) => {
    const fault = {
      ...texts,
      security: texts.security.replaceAll(from instanceof RegExp ? new RegExp(from, 'gm') : from, to),
    };
    expect(owaspFaults(fault)).toEqual(expect.arrayContaining([expect.stringContaining(found)]));
  });
});

test('tests are found in groups, behind tables and over several lines, and not in comments', () => {
  const leftOut = 'skip';
  const source = `
// test('in a comment', () => {});
/* test('in another', () => {}); */
describe.each(modes)('a group: %s', (mode) => {
  test.each<[string]>([['test('], ['x']])(
    'of a table: %s',
    () => {},
  );
  describe.${leftOut}('that is left out', () => {
    test('never runs', () => {});
  });
  test("has it's name", () => {});
});
test(\`a template of \${name}\`, () => {});
`;
  expect(declaredTests(source)).toEqual([
    { name: 'of a table: %s', groups: ['a group: %s'], gone: false },
    { name: 'never runs', groups: ['a group: %s', 'that is left out'], gone: true },
    { name: "has it's name", groups: ['a group: %s'], gone: false },
    { name: 'a template of ${name}', groups: [], gone: false },
  ]);
  expect(hasTest(source, 'a group: %s > of a table: %s')).toBe(true);
  expect(hasTest(source, 'another group > of a table: %s')).toBe(false);
  expect(hasTest(source, 'never runs')).toBe(false);
});
