import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WireClient } from '../../http/wire-client.ts';
import { tlsService } from '../../service/tls-service.ts';
import { startInProcess } from '../../service/in-process.ts';
import { folderOf, Millrace, root } from '../../service/serving.ts';
import { PseudoTerminal } from '../pseudo-terminal.ts';

const main = join(root, 'src/cli/main.ts');
/** The control sequences that switch to the alternate screen and back. */
const entered = '\u001B[?1049h';
const restored = '\u001B[?7h\u001B[?25h\u001B[?1049l';

/** A service with an open stream, which has written one line and waits for more. */
async function busy(server: object = {}) {
  const rows = join(folderOf({ 'rows.csv': 'id,name\n1,one\n' }), 'rows.csv');
  const started = await startInProcess(
    { mine: { table: { file: rows, key: 'id' } } },
    { enrich: [{ lookup: 'mine', with: { id: '/id' }, into: '/row' }] },
    {},
    server,
  );
  const client = await WireClient.open(started.port);
  onTestFinished(() => void client.socket.destroy());
  client.head('/v1/enrich/test', 'Transfer-Encoding: chunked');
  client.chunk('{"id":"1"}\n{}\n');
  await client.until('_error');
  return { ...started, client };
}

function onTerminal(
  url: string,
  env: Readonly<Record<string, string>> = {},
  ...args: readonly string[]
): PseudoTerminal {
  const options = ['--url', url, '--interval', '100ms', ...args];
  return new PseudoTerminal({ rows: 24, columns: 100, env }, process.execPath, main, 'top', ...options);
}

const drawn = (terminal: PseudoTerminal) => (): boolean => terminal.frame.join('\n').includes('missing_argument');

describe('millrace top', { timeout: 60_000 }, () => {
  test('prints one picture if stdout is not a terminal, and the answer of /state with --json', async () => {
    const { admin } = await busy();
    const once = new Millrace(['top', '--url', admin.url]);
    expect(await once.ended).toEqual([0, null]);
    expect(once.stderr).toBe('');
    expect(once.stdout).toMatch(/^test +ordered .* none .* 127\.0\.0\.1:\d+ /m);
    expect(once.stdout).toMatch(/^mine /m);
    expect(once.stdout).toMatch(/ missing_argument .*\/id is missing/);
    expect(once.stdout).not.toContain('\u001B');

    const json = new Millrace(['top', '--json', '--url', `${admin.url}/`]);
    expect(await json.ended).toEqual([0, null]);
    expect(JSON.parse(json.stdout)).toMatchObject({ streams: [{ written: 2, errors: 1 }], lookups: { mine: {} } });
  });

  test('sends the token of a file, or of MILLRACE_TOKEN, and says how if one is needed', async () => {
    const token = 'admin-token-0123456789';
    const { admin } = await busy({ admin: { port: 0, auth: { bearerTokens: [token] } } });
    const folder = folderOf({ token: `${token}\n`, other: `${token}x`, bad: 'two words', empty: '' });
    const topped = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const top = new Millrace(['top', '--json', '--url', admin.url, ...args], { env });
      const [code] = await top.ended;
      return { code, stdout: top.stdout, stderr: top.stderr };
    };
    const file = (name: string): readonly string[] => ['--token-file', join(folder, name)];
    expect(await topped(file('token'))).toMatchObject({ code: 0, stdout: expect.stringContaining('"streams"') });
    expect(await topped([], { MILLRACE_TOKEN: token })).toMatchObject({ code: 0, stderr: '' });
    expect(await topped(file('token'), { MILLRACE_TOKEN: 'another' })).toMatchObject({ code: 0 });
    const wayOut =
      'put a token of server.admin.auth into a file, and name the file with --token-file, or set MILLRACE_TOKEN';
    expect(await topped([])).toEqual({
      code: 1,
      stdout: '',
      stderr: `millrace: the admin listener at ${admin.url} needs a token: ${wayOut}\n`,
    });
    const wrong = await topped(file('other'));
    expect(wrong.stderr).toBe(`millrace: the admin listener at ${admin.url} does not know this token: ${wayOut}\n`);
    for (const name of ['bad', 'empty'])
      expect((await topped(file(name))).stderr).toBe(
        `millrace: ${join(folder, name)} holds no token: expected one word of ASCII characters\n`,
      );
    expect((await topped(file('none'))).stderr).toMatch(
      /^millrace: --token-file \S+none cannot be read: there is no such file\n$/,
    );
  });

  test('reads the state of a service with TLS, and says which file it needs', async () => {
    const serving = await tlsService({
      tls: ', clientCa: clients.crt',
      prepare(certificates, to) {
        certificates.authority('clients').signed('client', 'clients', 'basicConstraints=CA:FALSE');
        certificates.copy('clients.crt', join(to, 'clients.crt'));
      },
    });
    const file = (name: string): string => join(serving.certificates.folder, name);
    const top = async (...args: readonly string[]): Promise<{ code: number | null; out: string }> => {
      const command = new Millrace(['top', '--once', '--url', serving.service.adminUrl, ...args]);
      const [code] = await command.ended;
      return { code, out: command.stdout + command.stderr };
    };
    const trusting = ['--cacert', file('ca.crt')];
    const certified = ['--cert', file('client.crt'), '--key', file('client.key')];
    expect(await top(...trusting, ...certified)).toMatchObject({ code: 0, out: expect.stringMatching(/^test /m) });
    expect(await top()).toMatchObject({
      code: 1,
      out: expect.stringContaining('its certificate is not trusted: name the PEM file'),
    });
    expect(await top(...trusting)).toMatchObject({
      code: 1,
      out: expect.stringContaining('name it with --cert and --key'),
    });
    expect(await top('--cert', file('client.crt'))).toMatchObject({
      code: 2,
      out: expect.stringContaining('name both'),
    });
    expect(await top('--cacert', file('no.crt'))).toMatchObject({
      code: 2,
      out: expect.stringContaining('cannot be read'),
    });
    expect(await top('--cert', file('client.crt'), '--key', file('ca.key'))).toMatchObject({ code: 2 });
  });

  test('redraws changes, adapts to the size of the terminal, and restores the terminal when q is typed', async () => {
    const { admin, client } = await busy();
    const terminal = onTerminal(admin.url);
    await terminal.until(drawn(terminal));
    expect(terminal.shown.startsWith(entered)).toBe(true);
    expect(terminal.shown).toContain('\u001B[31mmissing_argument\u001B[39m');
    expect(terminal.frame.find((line) => line.startsWith('test       ordered'))).toContain(' 2 ');

    client.chunk('{"id":"1"}\n'.repeat(40));
    await terminal.until(() => terminal.frame.some((line) => /^test +ordered .* 42 /.test(line)));

    terminal.resize(8, 30);
    await terminal.until(() => terminal.frame.length <= 8 && terminal.frame.every((line) => line.length <= 30));
    terminal.resize(40, 160);
    await terminal.until(() => drawn(terminal)() && terminal.frame.join('\n').includes('received'));

    terminal.type('x');
    terminal.type('q');
    expect(await terminal.left).toEqual({ exitCode: 0, restored: true });
    expect(terminal.shown.endsWith(restored)).toBe(true);
  });

  test.each([
    ['ctrl-c', (terminal: PseudoTerminal) => terminal.type('\u0003'), 130],
    ['SIGTERM', (terminal: PseudoTerminal) => terminal.signal(15), 143],
  ])('restores the terminal at %s, and has no colour if NO_COLOR is set', async (_what, stop, exitCode) => {
    const { admin } = await busy();
    const terminal = onTerminal(admin.url, { NO_COLOR: '1' });
    await terminal.until(drawn(terminal));
    stop(terminal);
    expect(await terminal.left).toEqual({ exitCode, restored: true });
    expect(terminal.shown.startsWith(entered)).toBe(true);
    expect(terminal.shown.endsWith(restored)).toBe(true);
    // oxlint-disable-next-line no-control-regex
    expect(terminal.shown).not.toMatch(/\u001B\[[\d;]*m/);
  });

  test('keeps the last picture while the service is away, says so, and continues when it is back', async () => {
    let answers = true;
    const { admin } = await busy();
    const front = createServer((_request, response) => {
      if (!answers) response.socket?.destroy();
      void fetch(`${admin.url}/state`)
        .then((state) => state.text())
        .then((text) => response.end(text));
    });
    await new Promise<void>((resolve) => void front.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void front.close());
    const terminal = onTerminal(`http://127.0.0.1:${(front.address() as AddressInfo).port}`);
    await terminal.until(drawn(terminal));
    answers = false;
    await terminal.until(() => terminal.frame.some((line) => line.startsWith('cannot reach the admin listener')));
    expect(drawn(terminal)()).toBe(true);
    answers = true;
    await terminal.until(() => drawn(terminal)() && !terminal.frame.join('\n').includes('cannot reach'));
    terminal.type('q');
    expect(await terminal.left).toEqual({ exitCode: 0, restored: true });
  });

  test('with --once leaves its picture on the terminal', async () => {
    const { admin } = await busy();
    const terminal = onTerminal(admin.url, {}, '--once');
    expect(await terminal.left).toEqual({ exitCode: 0, restored: true });
    expect(terminal.shown).toContain('missing_argument');
    expect(terminal.shown).not.toContain(entered);
  });

  test('exits with 1 and says what to do if there is no admin listener, without changing the terminal', async () => {
    const { service } = await busy();
    const gone = createServer();
    await new Promise<void>((resolve) => void gone.listen(0, '127.0.0.1', resolve));
    const closed = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
    await new Promise((resolve) => gone.close(resolve));

    const terminal = onTerminal(closed);
    expect(await terminal.left).toEqual({ exitCode: 1, restored: true });
    expect(terminal.shown).toContain(`cannot reach the admin listener at ${closed}: connect ECONNREFUSED`);
    expect(terminal.shown).toContain('name it with --url');
    expect(terminal.shown).not.toContain(entered);

    const wrong = new Millrace(['top', '--url', service.url]);
    expect(await wrong.ended).toEqual([1, null]);
    expect(wrong.stderr).toContain(
      `${service.url}/state answered with status 404: it is not the admin listener of Millrace.`,
    );
    expect(wrong.stdout).toBe('');
  });
});
