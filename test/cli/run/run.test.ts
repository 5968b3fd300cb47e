import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { PseudoTerminal } from '../pseudo-terminal.ts';
import { env, finishedRun, runFolder, startRun, textOf } from './fixture.ts';

const main = join(import.meta.dirname, '../../../src/cli/main.ts');
const timeout = 120_000;

/** Runs with this standard input. */
function filter(folder: string, args: readonly string[], input: string | Buffer) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, 'run', 'ordered', '-c', join(folder, 'millrace.yaml'), ...args],
    { input, encoding: 'utf8', env: { ...process.env, ...env } },
  );
  return { status, stdout, stderr };
}

const enriched = (...ids: readonly number[]): string => ids.map((id) => `{"id":${id},"far":{"n":${id}}}\n`).join('');
const lines = (...ids: readonly number[]): string => ids.map((id) => `{"id":${id}}\n`).join('');

describe('millrace run', { timeout }, () => {
  test('is a filter from standard input to standard output, with one last line on stderr', () => {
    const { status, stdout, stderr } = filter(runFolder(), [], lines(2, 4, 6));
    expect({ status, stdout }).toEqual({ status: 0, stdout: enriched(2, 4, 6) });
    expect(stderr).toMatch(/^millrace: 3 records, 3 lines written, 0 failed \([\d.]+ s, \d+\/s\)\n$/);
  });

  test('reads several inputs, compressed or not, as one; each may have a byte-order mark and no last line end', async () => {
    const folder = runFolder();
    const file = (name: string): string => join(folder, name);
    writeFileSync(file('a'), `\uFEFF${lines(2)}{"id":4}`);
    writeFileSync(file('b.gz'), Buffer.concat([gzipSync('\uFEFF{"id"'), gzipSync(':6}')]));
    writeFileSync(file('c.zst'), Buffer.concat([zstdCompressSync(lines(9)), zstdCompressSync(lines(12, 13))]));
    for (const out of ['out', 'out.gz', 'out.zst']) {
      const inputs = ['a', 'b.gz', 'c.zst'].flatMap((name) => ['--in', file(name)]);
      await finishedRun(folder, 'ordered', [...inputs, '--out', file(out)]);
      expect(textOf(file(out))).toBe(enriched(2, 4, 6, 9, 12, 13));
    }
  });

  test.each([
    ['truncated', 'gz', gzipSync(lines(2, 4, 6)).subarray(0, -9), 'the gzip data ends early'],
    [
      'truncated',
      'zst',
      Buffer.concat([zstdCompressSync(lines(2, 4)), zstdCompressSync(lines(6)).subarray(0, 9)]),
      'the zstd data ends early',
    ],
    [
      'followed by other bytes',
      'gz',
      Buffer.concat([gzipSync(lines(2)), Buffer.from('other')]),
      'the gzip data is broken',
    ],
    ['no such data', 'zst', Buffer.from('{"id":2}\n'), 'the zstd data is broken'],
  ])(
    'an input that is %s (%s) is an error that names it, and the whole lines before it are written',
    async (_, ending, bytes, why) => {
      const folder = runFolder();
      const input = join(folder, `broken.${ending}`);
      writeFileSync(input, bytes);
      const run = await finishedRun(folder, 'ordered', ['--in', input], 1);
      expect(run.stderr).toContain(`millrace: ${input}: ${why}`);
      expect(run.stderr).toMatch(/; \d+ of \d+ bytes were read \(\d+ after decompression\)/);
      expect(enriched(2, 4, 6)).toContain(run.stdout);
    },
  );

  test('a record that failed is in the output with _error, and the run succeeds; --errors puts its line aside as it was', () => {
    const folder = runFolder();
    const bad = [
      '{"id": 5,"x":1.0}\r\n',
      'no JSON\n',
      '{"id":18,"_error":{"code":"timeout","line":4}}\n',
      '{"\\u0024id":1,"id":31}\n',
    ];
    const good = '{"$id":1.0,"id":2,"_error":{"code":"timeout","line":5}}\n';
    const input = bad.join('') + good;
    const annotated = filter(folder, [], input);
    expect(annotated.status).toBe(0);
    expect(annotated.stdout.match(/"_error":\{"code":"(?:function_error|invalid_json)"/g)).toHaveLength(4);
    expect(annotated.stderr).toMatch(/function_error: 3, such as line 1: .*unlucky 5/);

    const errors = join(folder, 'errors');
    const aside = filter(folder, ['--errors', errors, '--json'], input);
    expect(aside.status).toBe(0);
    expect(readFileSync(errors, 'utf8')).toBe(bad.join(''));
    expect(aside.stdout).toBe(good.replace('}}\n', '},"far":{"n":2}}\n'));
    expect(JSON.parse(aside.stderr)).toMatchObject({
      pipeline: 'ordered',
      status: 'complete',
      read: 5,
      written: 1,
      failed: 4,
      codes: { function_error: 3, invalid_json: 1 },
    });
    // What was put aside is an input again.
    const again = filter(folder, ['--in', errors, '--errors', `${errors}.again`], '');
    expect(again).toMatchObject({ status: 0, stdout: '' });
    expect(readFileSync(`${errors}.again`, 'utf8')).toBe(bad.join(''));
  });

  test('a record that begins with $ is a record; with --control a $watermark is a barrier', () => {
    const folder = runFolder();
    const input =
      '{"$watermark":1}\n{"$checkpoint":{"next":0,"pending":[]},"id":2}\n{"id":10}\n{"$watermark":2}\n{"id":9}\n';
    const records = filter(folder, [], input);
    expect(records.stdout.split('\n')[1]).toBe('{"$checkpoint":{"next":0,"pending":[]},"id":2,"far":{"n":2}}');
    expect(records.stderr).toContain('5 records');
    const control = filter(folder, ['--control', '--mode', 'unordered'], input);
    const out = control.stdout.split('\n');
    expect([out[0], out[3], out[4]]).toEqual(['{"$watermark":1}', '{"$watermark":2}', '{"id":9,"far":{"n":9}}']);
    expect(control.stdout).toContain('"code":"not_an_object"');
    expect(control.stderr).toContain('2 records');
  });

  test('--limit reads the first records, and --sample the same part each time', () => {
    const folder = runFolder();
    const input = `\n${lines(2, 4)}\n${lines(6, 9)}`;
    expect(filter(folder, ['--limit', '3'], input).stdout).toBe(enriched(2, 4, 6));
    expect(filter(folder, ['--limit', '0'], input)).toMatchObject({ status: 0, stdout: '' });
    const many = lines(...Array.from({ length: 4000 }, (_, id) => id * 143 * 7));
    const sampled = (...args: string[]): string[] =>
      filter(folder, ['--sample', '0.1', ...args], many).stdout.split('\n');
    const first = sampled();
    expect(first.length).toBeGreaterThan(300);
    expect(first.length).toBeLessThan(500);
    expect(sampled()).toEqual(first);
    expect(sampled('--seed', '7')).not.toEqual(first);
    expect(sampled('--limit', '10')).toEqual([...first.slice(0, 10), '']);
  });

  test('a line far over limits.lineBytes is an error of that line', () => {
    const { status, stdout, stderr } = filter(
      runFolder(),
      [],
      `${lines(2)}{"id":"${'x'.repeat(9_000_000)}"}\n${lines(4)}`,
    );
    expect(status).toBe(0);
    expect(stdout.split('\n').filter((line) => !line.includes('_error'))).toEqual(enriched(2, 4).split('\n'));
    expect(stderr).toContain('line_too_long: 1, such as line 2');
  });

  test('`| head -1` ends it at once with exit code 0, and a full disk with 1', () => {
    const folder = runFolder();
    writeFileSync(join(folder, 'in'), lines(...Array.from({ length: 5000 }, (_, id) => id * 143 + 2)));
    const command = `"$0" "$1" run ordered -c millrace.yaml --in in`;
    const shell = (script: string) =>
      spawnSync('bash', ['-c', script, process.execPath, main], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, ...env },
      });
    const head = shell(`set -o pipefail; ${command} | head -1`);
    expect(head).toMatchObject({ status: 0, stdout: enriched(2), stderr: '' });
    const full = shell(`${command} --out /dev/full`);
    expect(full.status).toBe(1);
    expect(full.stderr).toContain('millrace: /dev/full cannot be written: the disk is full\n');
  });

  test('a slow reader of standard output stops the input, and gets every line', async () => {
    const folder = runFolder();
    const text = 'x'.repeat(20_000);
    const input = join(folder, 'in');
    const ids = Array.from({ length: 2000 }, (_, id) => id * 1001 + 2);
    writeFileSync(input, ids.map((id) => `{"id":${id},"text":"${text}"}\n`).join(''));
    const child = spawn(
      process.execPath,
      [main, 'run', 'ordered', '-c', join(folder, 'millrace.yaml'), '--in', input],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      },
    );
    let bytes = 0;
    let peak = 0;
    for await (const chunk of child.stdout) {
      bytes += (chunk as Buffer).length;
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(statusOf(child.pid))?.[1] ?? 0));
      if (bytes % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(bytes).toBe(
      ids.reduce((sum, id) => sum + text.length + `{"id":${id},"text":"","far":{"n":${id}}}\n`.length, 0),
    );
    // The input has 40 MB.
    expect(peak).toBeLessThan(250_000);
  });

  test('the first signal ends the input, what is under way is written, and the exit code names the signal', async () => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const folder = runFolder();
      const child = spawn(process.execPath, [main, 'run', 'ordered', '-c', join(folder, 'millrace.yaml')], {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      });
      child.stdin.write(lines(2, 4));
      let [stdout, stderr] = ['', ''];
      child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
      for await (const chunk of child.stdout) {
        stdout += (chunk as Buffer).toString();
        if (stdout === enriched(2, 4)) child.kill(signal);
      }
      const exit = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)));
      expect({ exit, stdout }).toEqual({ exit: code, stdout: enriched(2, 4) });
      expect(stderr).toContain('stopped by a signal');
    }
  });

  test('shows its progress on a terminal, with the share of a file and the time left', async () => {
    const folder = runFolder();
    const input = join(folder, 'in');
    writeFileSync(input, lines(...Array.from({ length: 3000 }, (_, id) => id)));
    const args = [
      main,
      'run',
      'ordered',
      '-c',
      join(folder, 'millrace.yaml'),
      '--in',
      input,
      '--out',
      join(folder, 'out'),
    ];
    const terminal = new PseudoTerminal({ rows: 24, columns: 100, env }, process.execPath, ...args);
    await terminal.until(() =>
      /\r[\d,]+ records {2}[\d,]+\/s {2}\d+ in flight {2}\d+ failed {2}\d+%/.test(terminal.shown),
    );
    expect((await terminal.left).exitCode).toBe(0);
    expect(terminal.shown).toContain('\r\u001B[Kmillrace: 3,000 records, 3,000 lines written');
    const quiet = await finishedRun(folder, 'ordered', ['--in', input, '--limit', '5', '--progress']);
    expect(quiet.stderr).toMatch(/^millrace: 5 records/);
  });

  test.each([
    [['--in', 'none'], 1, '--in none cannot be read: there is no such file\n'],
    [['--in', '.'], 1, '--in . is a folder'],
    [['--in', '-', '--in', '-'], 2, 'standard input (-) can be read only once'],
    [['--in', 'a', '--out', './a'], 2, '--in and --out are the same file'],
    [['--in', 'a', '--out', 'x', '--errors', 'x'], 2, '--out and --errors are the same file'],
    [['--state', 's', '--out', 'x'], 2, 'standard input cannot be read again'],
    [['--state', 's', '--in', 'a'], 2, 'name it with --out'],
    [['--state', 's', '--in', 'a', '--out', '/dev/null'], 2, 'regular file'],
    [['--checkpoint', '5s'], 2, '--checkpoint is an option of --state and --url'],
    [['--checkpoint', '5'], 2, '--checkpoint is an option of --state and --url'],
    [['--checkpoint', '1ms', '--state', 's'], 2, 'from 10ms to 24h'],
    [['--sample', '2'], 2, 'above 0 and at most 1'],
    [['--limit', '-1'], 2, 'whole number from 0'],
    [['--mode', 'fast'], 2, 'ordered, unordered, keyed'],
    [['--token-file', 'a'], 2, '--token-file is an option of --url'],
    [['--url', 'http://127.0.0.1:1'], 2, 'name one of them'],
    [['--url', 'ftp://x'], 2, 'address of a service'],
  ])('%j is refused with exit code %i', (args, code, message) => {
    const folder = runFolder({ a: lines(2) });
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [main, 'run', 'ordered', '-c', 'millrace.yaml', ...args],
      { cwd: folder, encoding: 'utf8', input: '', env: { ...process.env, ...env } },
    );
    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
    expect(stderr).toContain(message);
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe(lines(2));
  });

  test('an output stays as it is if a lookup cannot be opened', async () => {
    const folder = runFolder({ out: 'before' });
    writeFileSync(
      join(folder, 'far.mjs'),
      'export default class { open() { throw new Error("no data"); } asyncInvoke() {} }',
    );
    const { stderr } = await finishedRun(folder, 'ordered', ['--out', join(folder, 'out')], 1);
    expect(stderr).toMatch(/^millrace: lookup "far": .*no data/);
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('before');
  });

  test('an error in a timer of a module is logged, and the run goes on', () => {
    const folder = runFolder();
    writeFileSync(
      join(folder, 'far.mjs'),
      'export default ({ id }) => new Promise((answer) => { setTimeout(() => { setTimeout(answer, 5, [{ n: id }]); throw new Error("stray"); }, 1); });',
    );
    const { status, stdout, stderr } = filter(folder, [], lines(2, 4));
    expect({ status, stdout }).toEqual({ status: 0, stdout: enriched(2, 4) });
    expect(stderr).toContain('stray');
  });

  test('onError: fail ends it after what stands before the record, with the line and the reason', async () => {
    const folder = runFolder({ in: lines(2, 4, 5, 6) });
    const file = join(folder, 'millrace.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('mode: ordered', 'mode: ordered, onError: fail'));
    const args = ['--in', join(folder, 'in'), '--out', join(folder, 'out'), '--state', join(folder, 'state')];
    for (let life = 0; life < 2; life += 1) {
      const { stderr } = await finishedRun(folder, 'ordered', args, 1);
      expect(stderr).toMatch(/\nmillrace: line 3: function_error: unlucky 5\n$/);
      expect(readFileSync(join(folder, 'out'), 'utf8')).toBe(enriched(2, 4));
    }
    // The record is put aside, whatever onError says.
    const aside = [...args.slice(0, 4), '--errors', join(folder, 'errors')];
    await finishedRun(folder, 'ordered', aside);
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe(enriched(2, 4, 6));
    expect(readFileSync(join(folder, 'errors'), 'utf8')).toBe(lines(5));
  });

  test('an unknown pipeline, and a configuration with mistakes, are refused', async () => {
    const folder = runFolder();
    expect((await finishedRun(folder, 'orderd', [], 2)).stderr).toContain(
      'unknown pipeline orderd; did you mean "ordered"?',
    );
    writeFileSync(join(folder, 'millrace.yaml'), 'pipelines: 1');
    await finishedRun(folder, 'ordered', [], 78);
  });
});

function statusOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

/** A folder with an input, and the arguments of a run with a state. */
function resumable() {
  const folder = runFolder({ in: lines(2, 4, 6) });
  const file = (name: string): string => join(folder, name);
  const args = ['--in', file('in'), '--out', file('out'), '--state', file('state')];
  return { folder, file, args };
}

describe('--state', { timeout }, () => {
  test('a complete run is not run again', async () => {
    const { folder, file, args } = resumable();
    await finishedRun(folder, 'ordered', args);
    const before = readFileSync(file('state'), 'utf8');
    const again = await finishedRun(folder, 'ordered', args);
    expect(again.stderr).toBe(
      `millrace: --state ${file('state')} says that this run is complete; delete it to run again\n`,
    );
    expect(readFileSync(file('out'), 'utf8')).toBe(enriched(2, 4, 6));
    expect(readFileSync(file('state'), 'utf8')).toBe(before);
    expect(existsSync(file('state.next'))).toBe(false);
  });

  test('a state of another run is refused, with what differs and what to do', async () => {
    const { folder, file, args } = resumable();
    await finishedRun(folder, 'ordered', args);
    const refusal = async (pipeline: string, more: readonly string[], differs: string): Promise<void> => {
      const { stderr } = await finishedRun(folder, pipeline, more, 1);
      expect(stderr).toContain(`millrace: --state ${file('state')} is of another run: ${differs}`);
      expect(stderr).toContain(`delete ${file('state')}`);
    };
    await refusal('keyed', args, 'it is of pipeline ordered, and this run is of keyed');
    await refusal('ordered', [...args, '--mode', 'unordered'], '--mode was ordered, and is unordered now');
    await refusal('ordered', [...args, '--limit', '1'], '--limit was not set, and is 1 now');
    await refusal('ordered', [...args, '--errors', file('e')], '--errors was not set');
    await refusal('ordered', [...args, '--in', file('in')], 'the inputs were');
    writeFileSync(file('other'), '');
    await refusal('ordered', args.with(3, file('other')), '--out was');
    appendFileSync(file('in'), lines(9));
    await refusal('ordered', args, `${file('in')} had 27 bytes, and has 36 now`);
    writeFileSync(file('in'), lines(4, 2, 6));
    await refusal('ordered', args, `${file('in')} was changed`);
  });

  test('an output that is shorter than the state says, and a file that is no state, are refused', async () => {
    const { folder, file, args } = resumable();
    await finishedRun(folder, 'ordered', args);
    truncateSync(file('out'), 10);
    expect((await finishedRun(folder, 'ordered', args, 1)).stderr).toMatch(
      /--out \S+ has 10 bytes, and --state \S+ says that \d+ were written/,
    );
    writeFileSync(file('state'), '{}');
    expect((await finishedRun(folder, 'ordered', args, 1)).stderr).toContain('is no state of millrace run');
    expect(readFileSync(file('state'), 'utf8')).toBe('{}');
  });

  test.each([
    ['a place in an input that is not there', { input: 1 }, {}, 'is no state of millrace run'],
    ['a place before the input', { offset: -5 }, {}, 'is no state of millrace run'],
    ['an output of less than no bytes', {}, { outputBytes: -1 }, 'is no state of millrace run'],
    ['a place behind the input', { offset: 1e12 }, {}, 'in: it ends before byte 1000000000000'],
  ])('a state with %s is refused', async (_, place, members, message) => {
    const { folder, file, args } = resumable();
    await finishedRun(folder, 'ordered', args);
    const state = JSON.parse(readFileSync(file('state'), 'utf8'));
    const next = { ...state.next, ...place };
    writeFileSync(file('state'), JSON.stringify({ ...state, complete: false, next, ...members }));
    expect((await finishedRun(folder, 'ordered', args, 1)).stderr).toContain(message);
  });

  test('two runs cannot use one state at the same time, and a run that a signal stops goes on when it is started again', async () => {
    const folder = runFolder({ in: lines(...Array.from({ length: 20_000 }, (_, id) => id * 1001 + 2)) });
    const file = (name: string): string => join(folder, name);
    const args = [
      '--in',
      file('in'),
      '--out',
      file('out'),
      '--state',
      file('state'),
      '--checkpoint',
      '20ms',
      '--limit',
      '6000',
    ];
    // Some 300 records in a second: it is not over before the second run has started.
    const run = startRun(folder, 'ordered', [...args, '--capacity', '2']);
    while (!existsSync(file('state'))) await new Promise((resolve) => setTimeout(resolve, 5));
    const second = await finishedRun(folder, 'ordered', args, 1);
    expect(second.stderr).toContain('cannot be locked: another millrace run uses it now');
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual([130, null]);
    expect(JSON.parse(readFileSync(file('state'), 'utf8'))).toMatchObject({ complete: false, pending: [] });
    const { stderr } = await finishedRun(folder, 'ordered', [...args, '--capacity', '1000']);
    expect(stderr).toContain('6,000 records, 6,000 lines written');
    expect(readFileSync(file('out'), 'utf8')).toBe(enriched(...Array.from({ length: 6000 }, (_, id) => id * 1001 + 2)));
  });
});
