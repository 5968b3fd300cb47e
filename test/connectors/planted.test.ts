import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** A connector in one file: it answers with its arguments, and with a word of its options. */
const echo = `
import { z } from 'zod';
import { Answer } from '../lookup/lookup.ts';
import type { ConnectorDefinition } from './connector.ts';

const schema = z.strictObject({ word: z.string().describe('Comes back with every answer.') });

export const echo: ConnectorDefinition<z.output<typeof schema>> = {
  name: 'echo',
  tellsFreshness: false,
  schema,
  parameters: () => ['iata'],
  findings: ({ word }) => (word === '' ? [{ path: ['word'], message: 'expected a word' }] : []),
  files: () => [],
  watchesFiles: false,
  create: ({ word }) => ({
    immediate: true,
    runsUserCode: false,
    largestAnswerBytes: 0,
    call: (args) => new Answer(JSON.stringify({ word, ...args })),
    describe: (args) => ({ word, ...args }) as never,
    reach: async () => 'nothing to reach',
    open: async () => {},
    close: async () => {},
  }),
};
`;

/** A copy of the sources with the connector: its file, its line in the list, and its import. */
function planted(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of ['src', 'package.json', 'tsconfig.json']) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'src/connectors/echo.ts'), echo);
  const registry = join(folder, 'src/connectors/registry.ts');
  const list = 'export const connectors = {\n';
  const source = readFileSync(registry, 'utf8');
  expect(source).toContain(list);
  writeFileSync(registry, `import { echo } from './echo.ts';\n${source.replace(list, `${list}  echo,\n`)}`);
  return folder;
}

function run(folder: string, args: readonly string[]) {
  return spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
}

const config = (options: object): string =>
  JSON.stringify({
    lookups: { airport: { echo: options } },
    pipelines: { p: { enrich: [{ lookup: 'airport', with: { iata: '/iata' }, into: '/airport' }] } },
  });

test('a new connector takes one file, and one line in the list with its import', { timeout: 180_000 }, () => {
  const folder = planted();
  const types = run(folder, [resolve('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
  expect([types.stdout, types.status]).toEqual(['', 0]);

  // Its options are read by its schema, its findings are reported, and it is opened and called.
  writeFileSync(join(folder, 'millrace.json'), config({ word: 'hello' }));
  const called = run(folder, ['src/cli/main.ts', 'check', '-c', 'millrace.json', '--connect', '--with', 'iata=SFO']);
  expect(called.stderr).toMatch(/^ok +airport +echo +.* answered, 29 bytes$/m);

  writeFileSync(join(folder, 'millrace.json'), config({ word: '' }));
  const refused = run(folder, ['src/cli/main.ts', 'check', '-c', 'millrace.json']);
  expect([refused.stderr, refused.status]).toEqual([expect.stringContaining('lookups.airport.echo.word'), 78]);
});
