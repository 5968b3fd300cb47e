import { expect, test } from 'vitest';
import { commandLine } from '../../src/cli/program.ts';
import { codes, fencesOf, page, rows, section } from './pages.ts';

const cli = page('cli.md');
const { commands } = commandLine(() => {});

function optionsOf(heading: string): readonly string[] {
  return rows(section(cli, heading)).flatMap(([names]) => codes(names).filter((name) => name.startsWith('-')));
}

const shared = optionsOf('## Options of commands with a configuration');

test('docs/cli.md has every command, and no other', () => {
  const documented = Array.from(cli.matchAll(/^## millrace (\S+)$/gm), ([, name = '']) => name);
  expect(documented.toSorted()).toEqual(commands.map((command) => command.name()).toSorted());
});

test.each(commands.map((command) => [command.name(), command] as const))(
  'docs/cli.md has every option of %s, and no other, and an example that is run',
  (name, { options }) => {
    const heading = `## millrace ${name}`;
    const there = options.flatMap(({ short, long }) => [short, long]).filter((flag) => flag !== undefined);
    const documented = [...optionsOf(heading), ...(there.includes('--host') ? shared : [])];
    expect(documented.toSorted()).toEqual(there.toSorted());
    const run = fencesOf(section(cli, heading)).filter(({ marks }) => /^(serve|runnable)/.test(marks.join(' ')));
    expect(run.map(({ text }) => text).join('\n')).toContain(`millrace -- ${name}`);
  },
);
