import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fencesOf, page } from '../docs/pages.ts';
import { Admin } from '../service/admin.ts';
import { startService } from './service-process.ts';

/** A proxy in front of a service, configured as docs/proxies.md shows it. */
export interface Proxied {
  readonly admin: Admin;
  /** Without TLS, HTTP/1.1. */
  readonly url: string;
  /** Over TLS; the certificate is self-signed. */
  readonly tlsUrl: string;
  /** The process of the service that `url` leads to. */
  readonly pid: number;
  stop(): Promise<void>;
}

interface Setting {
  readonly folder: string;
  readonly fragment: string;
}

/** How a proxy is started: which block of the page configures it, and its command. */
interface Program {
  readonly language: string;
  readonly mark: string;
  command(setting: Setting): readonly [program: string, ...args: string[]];
}

function nginx(
  { folder, fragment }: Setting,
  main: string,
  enclose: (fragment: string) => string,
): [string, ...string[]] {
  const file = join(folder, 'nginx.conf');
  const process = `${main}daemon off; master_process off; pid ${join(folder, 'pid')}; error_log stderr; events {}`;
  writeFileSync(file, `${process}\n${enclose(fragment)}\n`);
  // The prefix is the folder with its modules.
  return ['nginx', '-e', 'stderr', '-p', '/usr/share/nginx', '-c', file];
}

export const programs = {
  'nginx, TCP': {
    language: 'nginx',
    mark: 'stream',
    command: (setting) => nginx(setting, 'load_module modules/ngx_stream_module.so;', (fragment) => fragment),
  },
  'nginx, HTTP': {
    language: 'nginx',
    mark: 'http',
    command(setting) {
      // The default folders are not writable for every user.
      const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${join(setting.folder, name)};`,
      );
      return nginx(setting, '', (fragment) => `http {\naccess_log off;\n${folders.join('\n')}\n${fragment}\n}`);
    },
  },
  HAProxy: {
    language: 'haproxy',
    mark: 'http',
    command({ folder, fragment }) {
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, `global\n  maxconn 100\n${fragment}\n`);
      return ['haproxy', '-db', '-f', file];
    },
  },
  // The same with `proto h2` on the line of the server, as the page says.
  'HAProxy, HTTP/2 to Millrace': {
    language: 'haproxy',
    mark: 'http',
    command({ folder, fragment }) {
      const file = join(folder, 'haproxy-h2.cfg');
      writeFileSync(
        file,
        `global\n  maxconn 100\n${fragment.replace(' check port ', ' proto h2 check check-proto h1 port ')}\n`,
      );
      return ['haproxy', '-db', '-f', file];
    },
  },
} satisfies Record<string, Program>;

export type ProxyName = keyof typeof programs;

/** Starts the service, with these members of `server`, and the proxy in front of it. Resolves when both accept connections. */
export async function proxied(name: ProxyName, server: object = {}): Promise<Proxied> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-proxy-'));
  const service = await startService(folder, { server });
  const { url, tlsUrl, end } = await proxyBefore(name, service, folder);
  return {
    admin: new Admin(service.adminUrl),
    url,
    tlsUrl,
    pid: service.pid,
    async stop() {
      await end();
      await service.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Starts a proxy in front of a service that runs, with its files in a folder. */
export async function proxyBefore(
  name: ProxyName,
  service: { readonly url: string; readonly adminUrl: string },
  folder: string,
): Promise<{ readonly url: string; readonly tlsUrl: string; readonly end: () => Promise<void> }> {
  const program: Program = programs[name];
  const { language, mark } = program;
  const [plain, tls] = await Promise.all([freePort(), freePort()]);
  const here: readonly Replacement[] = [
    ['127.0.0.1:8080', new URL(service.url).host],
    [/(listen|bind) (?:\*:)?80\b/, (_, word) => `${word} 127.0.0.1:${plain}`],
    [/(listen|bind) (?:\*:)?443\b/, (_, word) => `${word} 127.0.0.1:${tls}`],
    ['/etc/ssl/millrace', certificate(folder)],
    ...(language === 'haproxy' ? [['port 8081', `port ${new URL(service.adminUrl).port}`] as const] : []),
  ];
  const [file, ...args] = program.command({ folder, fragment: shown(language, mark, here) });
  const end = await listening(file, args, [plain, tls]);
  return { url: `http://127.0.0.1:${plain}`, tlsUrl: `https://127.0.0.1:${tls}`, end };
}

/** The service without a proxy, once without TLS and once with it. */
export async function direct(server: object = {}): Promise<Proxied> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-direct-'));
  const start = certificate(folder);
  const tls = { cert: `${start}.crt`, key: `${start}.key` };
  const plain = await startService(folder, { server });
  const secure = await startService(folder, { server: { ...server, tls } });
  return {
    admin: new Admin(plain.adminUrl),
    url: plain.url,
    tlsUrl: secure.url,
    pid: plain.pid,
    async stop() {
      await Promise.all([plain.stop(), secure.stop()]);
      rmSync(folder, { recursive: true });
    },
  };
}

/** The block of docs/proxies.md with this language and mark, and with addresses and files of this test. */
export function shown(language: string, mark: string, replacements: readonly Replacement[]): string {
  const fence = fencesOf(page('proxies.md')).find((one) => one.language === language && one.marks.includes(mark));
  if (fence === undefined) throw new Error(`docs/proxies.md shows no configuration ${language} ${mark}`);
  return replaced(fence.text, replacements);
}

type Replacement = readonly [string, string] | readonly [RegExp, (match: string, group: string) => string];

/** The fragment with addresses and files of this test. Throws if the page does not show a part that is replaced. */
function replaced(fragment: string, replacements: readonly Replacement[]): string {
  return replacements.reduce((text, [what, by]) => {
    const next = typeof by === 'string' ? text.replaceAll(what, by) : text.replace(what, by);
    if (next === text) throw new Error(`the fragment of docs/proxies.md does not show ${String(what)}:\n${text}`);
    return next;
  }, fragment);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Creates a self-signed certificate: `millrace.key` and `millrace.crt`, and both in `millrace.pem`. Gives their path up to
 * the dot.
 */
function certificate(folder: string): string {
  const start = join(folder, 'millrace');
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-days', '1', '-keyout', `${start}.key`, '-out', `${start}.crt`];
  execFileSync('openssl', ['req', ...kind, ...subject], { stdio: 'ignore' });
  execFileSync('sh', ['-c', 'cat "$0.key" "$0.crt" > "$0.pem"', start]);
  return start;
}

/** Starts the proxy, and waits until it accepts connections on all of its ports. Gives a function that ends it. */
export async function listening(
  program: string,
  args: readonly string[],
  ports: readonly number[],
): Promise<() => Promise<void>> {
  const path = `${process.env['PATH']}:/usr/sbin:/sbin`;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH: path } });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = once(child, 'close');
  for (const port of ports) {
    while (!(await connects(port))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${program} ended:\n${output}`);
      await wait(20);
    }
  }
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
