import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { plannedKeys } from '../../src/config/checks/planned.ts';
import { complaints, folder } from '../config/loading.ts';
import { Certificates } from '../connectors/http/tls/certificates.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

function millrace(cwd: string, args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd, input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const valid = `
lookups: { t: { table: { file: rows.csv, key: id } } }
pipelines: { p: { enrich: [ { lookup: t, with: { id: /id }, into: /a } ] } }
`;
const wrong = valid.replace('lookup: t,', 'lookup: u,').replace('/a }', 'a }');
const files = { 'rows.csv': 'id,v\n1,x\n', 'valid.yaml': valid, 'wrong.yaml': wrong };

/** The valid configuration with a module instead of the table. */
function withModule(file: string): string {
  return valid.replace(/table: \{.*?\}/, `module: { file: ${file} }`);
}

/** The valid configuration with an HTTP lookup instead of the table. */
function overTls(tls: string): string {
  return valid.replace(/table: \{.*?\}/, `http: { url: "https://127.0.0.1:1/{id}", tls: ${tls} }`);
}

describe('millrace check', () => {
  test('accepts several files, and prints which are valid and what is wrong with the others', () => {
    const cwd = folder(files);
    const both = millrace(cwd, ['check', 'valid.yaml', '-c', 'wrong.yaml']);
    expect(both.status).toBe(78);
    expect(both.stdout).toMatch(/^---\n# valid\.yaml\nserver:\n/);
    expect(both.stderr).toBe(
      `wrong.yaml:3:39 pipelines.p.enrich[0].lookup: unknown lookup "u"; lookups: t
wrong.yaml:3:67 pipelines.p.enrich[0].into: a JSON Pointer is empty or starts with "/", but "a" does not: write "/a"
valid.yaml is valid
`,
    );
    expect(millrace(cwd, ['check', 'valid.yaml', './valid.yaml'])).toMatchObject({ status: 0 });
  });

  test.each([
    ['gone', 'ENOENT'],
    ['rows.csv', 'it is not a directory'],
  ])('reports the directory of the spool if it cannot be used, and serve does not start: %s', (dir, why) => {
    const cwd = folder({ ...files, 'spool.yaml': `server: { spool: { dir: ${dir} } }\n${valid}` });
    for (const command of ['check', 'serve']) {
      const { status, stderr } = millrace(cwd, [command, '-c', 'spool.yaml']);
      expect(stderr).toMatch(/^spool\.yaml:1:25 server\.spool\.dir: expected a directory that can be written to \(/);
      expect(stderr).toContain(why);
      expect(stderr).toContain(join(cwd, dir));
      expect(status).toBe(78);
    }
    // A command that does not listen spools nothing.
    expect(millrace(cwd, ['explain', 'p', '-c', 'spool.yaml'], '{"id":1}\n').status).toBe(0);
  });

  test('accepts a directory of the spool relative to the configuration', () => {
    const cwd = folder({ ...files, 'spool.yaml': `server: { spool: { dir: . } }\n${valid}` });
    expect(millrace('/', ['check', '-c', join(cwd, 'spool.yaml')])).toMatchObject({ status: 0 });
  });

  test('reports a certificate that has expired, which serve would use', () => {
    const certificates = new Certificates().authority('ca').signed('old', 'ca', '', 0);
    onTestFinished(() => certificates.remove());
    const pair = {
      'tls.crt': certificates.pem('old.crt').toString(),
      'tls.key': certificates.pem('old.key').toString(),
    };
    const cwd = folder({ ...files, ...pair, 'tls.yaml': `server: { tls: { cert: tls.crt, key: tls.key } }\n${valid}` });
    const { status, stderr } = millrace(cwd, ['check', 'tls.yaml']);
    expect(stderr).toMatch(/^tls\.yaml:1:24 server\.tls\.cert: a certificate of it expired at 20.*Z; renew it\n$/);
    expect(status).toBe(78);
    // A command that does not listen does not need the files.
    rmSync(join(cwd, 'tls.key'));
    expect(millrace(cwd, ['explain', 'p', '-c', 'tls.yaml'], '{"id":"1"}\n')).toMatchObject({ status: 0 });
  });

  test('reads standard input if the file is -', () => {
    const cwd = folder(files);
    for (const args of [['-c', '-'], ['-']]) {
      const { status, stdout, stderr } = millrace(cwd, ['check', ...args], valid);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '<stdin> is valid\n' });
      expect(stdout).toContain('file: rows.csv');
      expect(millrace(cwd, ['check', ...args], wrong).stderr).toMatch(
        /^<stdin>:3:39 pipelines\.p\.enrich\[0\]\.lookup: /,
      );
    }
    expect(millrace(cwd, ['check', '-', '-c', '-']).status).toBe(2);
    const serve = millrace(cwd, ['serve', '-c', '-'], valid);
    expect(serve).toMatchObject({ status: 2, stderr: expect.stringContaining('a reload reads it again') });
  });

  test('prints mistakes as JSON with all their members', () => {
    const cwd = folder(files);
    const { status, stdout, stderr } = millrace(cwd, ['check', '--json', 'wrong.yaml']);
    expect({ status, stderr }).toEqual({ status: 78, stderr: '' });
    const message = 'a JSON Pointer is empty or starts with "/", but "a" does not: write "/a"';
    expect(JSON.parse(stdout)).toEqual({
      mistakes: [
        {
          file: 'wrong.yaml',
          line: 3,
          column: 39,
          path: 'pipelines.p.enrich[0].lookup',
          message: 'unknown lookup "u"; lookups: t',
          nearest: null,
        },
        { file: 'wrong.yaml', line: 3, column: 67, path: 'pipelines.p.enrich[0].into', message, nearest: null },
      ],
    });
    const several: unknown = JSON.parse(millrace(cwd, ['check', '--json', 'wrong.yaml', 'valid.yaml']).stdout);
    expect(several).toMatchObject({
      configurations: { 'valid.yaml': { lookups: { t: {} } } },
      mistakes: [{ line: 3 }, { column: 67 }],
    });
    const none: unknown = JSON.parse(millrace(folder(), ['check', '--json']).stdout);
    expect(none).toMatchObject({ mistakes: [{ line: null, column: null, path: '' }] });
    const one: unknown = JSON.parse(millrace(cwd, ['check', '--json', 'valid.yaml']).stdout);
    expect(one).toMatchObject({ lookups: { t: {} } });
  });

  test('reads the tables: a missing or broken one is a mistake with its place, reported with all others', () => {
    const cwd = folder({ ...files, 'rows.csv': 'id,v\n1,x\n1,y\n' });
    writeFileSync(join(cwd, 'missing.yaml'), wrong.replace('rows.csv', 'none.csv'));
    const broken = millrace(cwd, ['check', 'valid.yaml']);
    expect(broken).toMatchObject({ status: 78, stdout: '' });
    expect(broken.stderr).toMatch(/^valid\.yaml:2:32 lookups\.t\.table\.file: the table cannot be read: .*\n$/);
    const { stderr } = millrace(cwd, ['check', 'missing.yaml']);
    expect(stderr.split('\n').map((line) => line.split(': ')[0])).toEqual([
      'missing.yaml:2:32 lookups.t.table.file',
      'missing.yaml:3:39 pipelines.p.enrich[0].lookup',
      'missing.yaml:3:67 pipelines.p.enrich[0].into',
      '',
    ]);
    expect(stderr).toContain('ENOENT');
  });

  test('reads the TLS files: a missing one, and one that is not PEM, is a mistake with its place', () => {
    const cwd = folder({
      'missing.yaml': overTls('{ ca: none.pem }'),
      'junk.yaml': overTls('{ cert: junk.pem, key: junk.pem }'),
      'none.yaml': overTls('{}'),
      'junk.pem': 'junk',
    });
    const place = 'yaml:2:63 lookups.t.http.tls: tls.';
    const missing = millrace(cwd, ['check', 'missing.yaml']);
    expect(missing).toMatchObject({ status: 78, stdout: '' });
    expect(missing.stderr).toBe(`missing.${place}ca cannot be read: none.pem\n`);
    const junk = millrace(cwd, ['check', 'junk.yaml']).stderr;
    expect(junk).toMatch(
      /^junk\.yaml:\S+ lookups\.t\.http\.tls: tls\.(cert|key) is not a file of .* in PEM form.*: junk\.pem\n$/,
    );
    expect(millrace(cwd, ['check', 'none.yaml'])).toMatchObject({ status: 0, stderr: 'none.yaml is valid\n' });
  });

  test('a missing module is a mistake with its place, and an existing one is not loaded', () => {
    const cwd = folder({
      'missing.yaml': withModule('none.mjs').replace('/a }', 'a }'),
      'there.yaml': withModule('mine.mjs'),
      'mine.mjs': 'throw new Error("it was loaded");',
    });
    const missing = millrace(cwd, ['check', 'missing.yaml']);
    expect(missing).toMatchObject({ status: 78, stdout: '' });
    expect(missing.stderr.split('\n')).toEqual([
      expect.stringMatching(
        /^missing\.yaml:2:33 lookups\.t\.module\.file: there is no file \/.*\/none\.mjs; correct the path/,
      ),
      expect.stringMatching(/^missing\.yaml:3:\d+ pipelines\.p\.enrich\[0\]\.into: /),
      '',
    ]);
    expect(millrace(cwd, ['check', 'there.yaml'])).toMatchObject({ status: 0, stderr: 'there.yaml is valid\n' });
  });
});

describe('a key that a later version will have', () => {
  const cases = plannedKeys.flatMap(([place, keys]) => keys.map((key) => [[...place, key]] as const));

  test.each(cases)('%j is refused as not part of this version', (place) => {
    const path = place.map((step, index) => (step !== '*' ? step : place[index - 1] === 'lookups' ? 'l' : 'p'));
    const given: Record<string, unknown> = {
      lookups: { l: { http: { url: 'http://h/{id}' }, cache: { ttl: '1m' } } },
      pipelines: { p: { enrich: [{ lookup: 'l', with: { id: '/id' }, into: '/a' }] } },
    };
    let at = given;
    for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
    at[path.at(-1) ?? ''] = { any: 1 };
    expect(complaints(JSON.stringify(given))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^millrace\\.yaml:1:\\d+ ${path.join(String.raw`\.`)}: not in this version of Millrace; leave it out$`,
        ),
      ),
    ]);
  });

  test('is one mistake as the only connector of a lookup', () => {
    const text = `
lookups: { l: { redis: { url: "redis://h" } } }
pipelines: { p: { enrich: [ { lookup: l, with: { id: /id }, into: /a } ] } }
`;
    expect(complaints(text)).toEqual([
      'millrace.yaml:2:17 lookups.l.redis: not in this version of Millrace; leave it out',
    ]);
  });
});
