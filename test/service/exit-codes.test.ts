import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folderOf, Millrace } from './serving.ts';

const good = `
lookups: { rows: { table: { file: rows.csv, key: id } } }
pipelines: { test: { enrich: [ { lookup: rows, with: { id: /key }, into: /answer } ] } }`;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...args: readonly string[]): Promise<Ended> {
  const millrace = new Millrace(args);
  const [code] = await millrace.ended;
  return { code, stdout: millrace.stdout, stderr: millrace.stderr };
}

function config(yaml: string, rows = 'id,name\n1,one\n'): string {
  return join(folderOf({ 'millrace.yaml': yaml, 'rows.csv': rows }), 'millrace.yaml');
}

describe('0: data on stdout, remarks on stderr', () => {
  test('--help', async () => {
    const { code, stdout, stderr } = await run('serve', '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Usage: millrace serve[\s\S]*Example:\n {2}millrace serve -c millrace\.yaml/);
  });

  test('check', async () => {
    const file = config(good);
    const { code, stdout, stderr } = await run('check', '-c', file, '--json');
    expect([code, stderr]).toEqual([0, `${file} is valid\n`]);
    expect(JSON.parse(stdout)).toMatchObject({ pipelines: { test: { mode: 'ordered', capacity: 100 } } });
  });

  test('schema', async () => {
    const { code, stdout, stderr } = await run('schema');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object' });
  });
});

describe('2: the command line is wrong, and the message lists what is possible', () => {
  test.each([
    [['serv'], /unknown command 'serv'/],
    [['serve', '--prot', '1'], /unknown option '--prot'[\s\S]*--port/],
    [['serve', '-c'], /argument missing/],
    [
      ['demo', '--records', 'few'],
      /'--records <n>' argument 'few' is invalid\. Expected a whole number from 1 to 20000/,
    ],
    [['demo', '--records', '20001'], /argument '20001' is invalid\. Expected a whole number from 1 to 20000/],
  ])('%j', async (args, said) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(said);
  });

  test.each([
    ['--port', 'abc', /^--port: expected a whole number from 0 to 65535, got "abc"\n$/],
    ['--admin-port', '70000', /^--admin-port: expected a whole number from 0 to 65535, got 70000\n$/],
    ['--host', '', /^--host: expected an address to listen on, got ""\n$/],
    ['--admin-host', '', /^--admin-host: expected an address to listen on, got ""\n$/],
    ['--log-level', 'loud', /^--log-level: expected trace, debug, info, warn, error, fatal or silent, got "loud"\n$/],
  ])('%s "%s": the message names the flag', async (flag, value, message) => {
    for (const command of ['serve', 'check']) {
      const { code, stdout, stderr } = await run(command, '-c', config(good), flag, value);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(message);
    }
  });
});

describe('78: the configuration is wrong, and no service is started', () => {
  test('every mistake has its line and column', async () => {
    const file = config(`${good}\nserver: { prot: 1 }\n`.replace('lookup: rows', 'lookup: row'));
    const { code, stdout, stderr } = await run('serve', '-c', file);
    expect([code, stdout]).toEqual([78, '']);
    const [first = '', second = '', ...rest] = stderr.split('\n');
    expect(first).toMatch(/millrace\.yaml:3:\d+ pipelines\.test\.enrich\[0\]\.lookup: .*rows/);
    expect(second).toMatch(/millrace\.yaml:4:\d+ server\.prot: .*port/);
    expect(rest).toEqual(['']);
  });

  test('a wrong flag beside a mistake of the file', async () => {
    const { code, stderr } = await run(
      'check',
      '-c',
      config(good.replace('lookup: rows', 'lookup: row')),
      '--port',
      'x',
    );
    expect(code).toBe(78);
    expect(stderr).toMatch(/^--port: .*\n.*millrace\.yaml:3:\d+ pipelines/);
  });

  test('a file that does not exist', async () => {
    const { code, stderr } = await run('check', '-c', '/nowhere/millrace.yaml');
    expect(code).toBe(78);
    expect(stderr).toMatch(/^\/nowhere\/millrace\.yaml: the configuration cannot be read: ENOENT/);
  });
});

describe('1: the configuration is right, but the command fails', () => {
  test('a port in use: the message names it and says what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    for (const flags of [
      ['--port', port, '--admin-port', '0'],
      ['--port', '0', '--admin-port', port],
    ]) {
      const { code, stdout, stderr } = await run('serve', '-c', config(good), '--log-level', 'silent', ...flags);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `millrace: cannot listen on 127.0.0.1:${port}: another process listens there; ` +
          'stop it, or choose another --port or --admin-port\n',
      );
    }
  });

  test('an address that no network interface has: the message says what to do', async () => {
    const { code, stderr } = await run(
      'serve',
      '-c',
      config(good),
      '--log-level',
      'silent',
      '--host',
      '192.0.2.1',
      '--admin-port',
      '0',
    );
    expect(code).toBe(1);
    expect(stderr).toBe(
      'millrace: cannot listen on 192.0.2.1:8080: no network interface of this machine has this address; ' +
        'choose another --host or --admin-host\n',
    );
  });

  test('a table that cannot be read', async () => {
    const { code, stdout, stderr } = await run('serve', '-c', config(good.replace('rows.csv', 'none.csv')));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^millrace: lookup "rows": table none\.csv: ENOENT: no such file or directory, open '.*none\.csv'\n$/,
    );
  });

  test('a table with two rows for one key', async () => {
    const { code, stderr } = await run('serve', '-c', config(good, 'id,name\n1,a\n1,b\n'));
    expect(code).toBe(1);
    expect(stderr).toBe('millrace: lookup "rows": table rows.csv: line 3 has the key "1", which line 2 has already\n');
  });
});
