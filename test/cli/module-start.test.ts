import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

const config = `
lookups:
  depot:
    module: { file: depot.mjs }
pipelines:
  orders:
    enrich:
      - { lookup: depot, with: { anything: /a, else: /b }, into: /depot }
`;

/** Serves a module with this source until the process ends by itself. */
async function served(source: string | undefined): Promise<{ code: unknown; stderr: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'millrace.yaml'), config);
  if (source !== undefined) writeFileSync(join(folder, 'depot.mjs'), source);
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--admin-port', '0'], { cwd: folder });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code]: unknown[] = await once(child, 'close');
  return { code, stderr };
}

describe('a service whose module cannot be used does not start, exits with 1, and names module and reason:', () => {
  test.each([
    ['no file', undefined, /there is no such file/],
    [
      'a syntax error',
      'export const a = 1;\nexport default (;\n',
      /SyntaxError: Unexpected token .*node --check .*depot\.mjs shows/,
    ],
    ['no such export', 'export const find = () => [];', /it exports find/],
    [
      'an open that fails',
      'export default { open() { throw new Error("no licence"); }, asyncInvoke() {} };',
      /no licence/,
    ],
  ])('%s', { timeout: 60_000 }, async (_, source, message) => {
    const { code, stderr } = await served(source);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^millrace: lookup "depot": module depot\.mjs: /m);
    expect(code).toBe(1);
  });
});
