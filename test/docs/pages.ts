import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A fenced block: ```` ```sh runnable exit=78 ```` has the language `sh` and two marks. */
export interface Fence {
  /** Number of the opening line in the page, from 1. */
  readonly line: number;
  readonly language: string;
  readonly marks: readonly string[];
  readonly text: string;
}

export const root = join(import.meta.dirname, '../..');

/** The text of every page of docs/, by its path from the root of the project. */
export const pages: ReadonlyMap<string, string> = new Map(
  globSync('docs/*.md', { cwd: root }).map((name) => [name, readFileSync(join(root, name), 'utf8')]),
);

/** The text of every page for users: docs/, the pages of the root folder, and the READMEs of the examples. */
export const allPages: ReadonlyMap<string, string> = new Map([
  ...globSync(['*.md', 'examples/**/*.md'], { cwd: root, exclude: ['CHANGELOG.md'] }).map((name): [string, string] => [
    name,
    readFileSync(join(root, name), 'utf8'),
  ]),
  ...pages,
]);

export function page(name: string): string {
  const text = pages.get(`docs/${name}`);
  if (text === undefined) throw new Error(`there is no docs/${name}`);
  return text;
}

/** The fenced blocks of a page, in their order. */
export function fencesOf(text: string): readonly Fence[] {
  const fences: Fence[] = [];
  let open: { line: number; info: readonly string[]; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^\s*```\s*(.*)$/.exec(line)?.[1];
    if (mark === undefined) open?.lines.push(line);
    else if (open === undefined) open = { line: index + 1, info: mark.split(/\s+/), lines: [] };
    else {
      const [language = '', ...marks] = open.info;
      fences.push({ line: open.line, language, marks, text: open.lines.join('\n') });
      open = undefined;
    }
  }
  return fences;
}

/** The page without its fenced blocks. */
export function proseOf(text: string): string {
  return text.replaceAll(/^\s*```[\s\S]*?^\s*```\s*$/gm, '');
}

/** The text below a heading, up to the next heading of the same or a higher rank. */
export function section(text: string, heading: string): string {
  const rank = /^#+/.exec(heading)?.[0] ?? '#';
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const rest = text.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${rank.length}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The cells of all table rows whose first cell is code. */
export function rows(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The pieces of code in a cell: a and b for `` `a`, `b` ``. */
export function codes(cell = ''): readonly string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, code = '']) => code);
}
