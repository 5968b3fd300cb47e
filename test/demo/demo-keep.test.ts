import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const shell = (command: string): Promise<{ stdout: string }> => promisify(execFile)('sh', ['-c', command]);

/** Starts the demo and resolves with its output as soon as that matches. */
async function until(child: ChildProcessWithoutNullStreams, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (pattern.test(text)) return text;
  }
  throw new Error(`the demo ended without ${pattern}:\n${text}`);
}

test('a kept demo prints commands that work, and ends with 0 at a signal', { timeout: 60_000 }, async () => {
  const demo = spawn(process.execPath, [main, 'demo', '--keep', '--records', '200']);
  const exit = once(demo, 'exit');
  const text = await until(demo, /cat \S+\n/);
  const commands = text.split('\n').filter((line) => /^ {2}(curl|echo|cat) /.test(line));
  const answers: string[] = [];
  for (const command of commands) {
    // The line that a person would type is written to a pipe.
    const typed = command.includes('-T . ') ? `echo '{"origin":"SFO","destination":"JFK"}' | ${command}` : command;
    answers.push((await shell(typed)).stdout);
  }
  const configFile = /cat (\S+)\n/.exec(text)?.[1] ?? '';
  expect(answers[0]).toContain('"destinationAirport":{"name":"John F Kennedy Intl"');
  expect(answers[1]).toContain('"originAirport":{"name":"Detroit Metropolitan-Wayne County"');
  expect(answers[2]?.trimEnd().split('\n')).toHaveLength(200);
  expect(answers[3]).toContain('millrace_records_out_total{pipeline="flights",outcome="enriched"} ');
  expect(answers[4]).toContain('"lookups"');
  expect(answers[5]).toContain('pipelines:');
  expect(existsSync(configFile)).toBe(true);

  demo.kill('SIGINT');
  expect(await exit).toEqual([0, null]);
  expect(existsSync(dirname(configFile))).toBe(false);
});

test('a demo that is interrupted stops its service and ends with 130', { timeout: 60_000 }, async () => {
  const demo = spawn(process.execPath, [main, 'demo']);
  const exit = once(demo, 'exit');
  const text = await until(demo, /service +http\S+/);
  demo.kill('SIGINT');
  expect(await exit).toEqual([130, null]);
  const url = /service +(http\S+)/.exec(text)?.[1] ?? '';
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});
