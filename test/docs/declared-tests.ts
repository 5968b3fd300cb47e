/** A test or a group that the source of a test file declares. */
export interface DeclaredTest {
  /** As the source has it: `%s` and `${…}` are not replaced. */
  readonly name: string;
  /** The names of the groups around it, the outermost first. */
  readonly groups: readonly string[];
  /** Whether it, or a group around it, never runs: `skip`, `todo`, `fails`. */
  readonly gone: boolean;
}

const comments = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const head = /^( *)(describe|test|it)((?:\.\w+)*)(?=[(<`])/gm;
const literal = String.raw`(['"\x60])((?:\\.|(?!\1)[^\\])*)\1`;
/** The name stands directly behind `test(`, or behind the table of `test.each(…)(`. */
const plainName = new RegExp(String.raw`\(\s*${literal}`, 'y');
const tableName = new RegExp(String.raw`[)\x60]\(\s*${literal}`, 'g');
const neverRuns = /\.(?:skip|todo|fails)\b/;

/** The tests of a source that the formatter has indented: what stands deeper below a group belongs to it. */
export function declaredTests(source: string): readonly DeclaredTest[] {
  const code = source.replaceAll(comments, (text) => text.replaceAll(/[^\n]/g, ' '));
  const open: { depth: number; name: string; gone: boolean }[] = [];
  const tests: DeclaredTest[] = [];
  for (const { 0: text, index, 1: indent = '', 2: kind, 3: modifiers = '' } of code.matchAll(head)) {
    while ((open.at(-1)?.depth ?? -1) >= indent.length) open.pop();
    const name = nameAt(code, index + text.length, /\.(?:each|for|skipIf|runIf)\b/.test(modifiers));
    if (name === undefined) continue;
    const gone = neverRuns.test(modifiers) || open.some((group) => group.gone);
    if (kind === 'describe') open.push({ depth: indent.length, name, gone });
    else tests.push({ name, groups: open.map((group) => group.name), gone });
  }
  return tests;
}

function nameAt(code: string, at: number, hasTable: boolean): string | undefined {
  const pattern = hasTable ? tableName : plainName;
  pattern.lastIndex = at;
  return pattern.exec(code)?.[2]?.replaceAll(/\\(['"`])/g, '$1');
}

/** Whether the source has a running test of this name: `test`, or `group > test`. */
export function hasTest(source: string, path: string): boolean {
  return declaredTests(source).some(
    ({ name, groups, gone }) =>
      !gone && (path === name || groups.some((_, from) => path === [...groups.slice(from), name].join(' > '))),
  );
}
