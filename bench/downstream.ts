import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { airportsCsv, freePort, type Bench } from './bench.ts';
import { startWorker, stop } from './processes.ts';

/** The server of airports: `<origin>/airports/<iata>` returns one JSON object. */
export interface AirportDirectory {
  readonly origin: string;
  readonly description: string;
}

const searchPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;

/**
 * One nginx worker that serves a file for each airport; without nginx, a Node server with the same answers. All answers have
 * these headers as well.
 */
export async function startAirports(
  bench: Bench,
  headers: Readonly<Record<string, string>> = {},
): Promise<AirportDirectory> {
  const folder = join(bench.folder, 'www', 'airports');
  mkdirSync(folder, { recursive: true });
  // If root starts nginx, its worker reads as another user.
  chmodSync(bench.folder, 0o755);
  for (const { iata, name, city, state } of airports())
    writeFileSync(join(folder, iata), JSON.stringify({ iata, name, city, state }));
  const version = /nginx\/(\S+)/.exec(
    spawnSync('nginx', ['-v'], { env: { PATH: searchPath }, encoding: 'utf8' }).stderr,
  );
  if (version === null) {
    const { ready } = await startWorker(bench, 'airport-server.ts', [folder, JSON.stringify(headers)]);
    return {
      origin: `http://127.0.0.1:${ready['port']}`,
      description: 'a node:http server, because nginx was not found',
    };
  }
  const port = await freePort();
  const config = bench.file('nginx.conf', nginxConfig(bench.folder, port, headers));
  const nginx = spawn('nginx', ['-c', config, '-p', bench.folder, '-g', 'daemon off;'], {
    env: { PATH: searchPath },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  bench.defer(() => stop(nginx));
  const origin = `http://127.0.0.1:${port}`;
  await untilAnswered(`${origin}/airports/SFO`);
  return { origin, description: `nginx ${version[1]}, one worker, one small file for each airport` };
}

/** Sends requests until one succeeds; throws Error if that takes longer than `patienceMs`. */
export async function untilAnswered(url: string, patienceMs = 60_000): Promise<void> {
  const giveUp = performance.now() + patienceMs;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return;
    if (performance.now() > giveUp)
      throw new Error(`${url} did not answer within ${patienceMs / 1000} s (last status: ${answer?.status ?? 'none'})`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Only names have commas, and only names are quoted. */
function airports(): { iata: string; name: string; city: string; state: string }[] {
  const [, ...lines] = readFileSync(airportsCsv, 'utf8').trimEnd().split(/\r?\n/);
  return lines.map((line) => {
    const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    );
    const [iata = '', name = '', city = '', state = ''] = fields;
    return { iata, name, city, state };
  });
}

/** Connections stay open for the whole run; by default nginx closes them after 1000 requests. */
function nginxConfig(folder: string, port: number, headers: Readonly<Record<string, string>>): string {
  const added = Object.entries(headers).map(([name, value]) => `add_header ${name} "${value}";`);
  return `
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log error;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  default_type application/json;
  tcp_nodelay on;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  open_file_cache max=4000 inactive=1h;
  open_file_cache_valid 1h;
  server {
    listen 127.0.0.1:${port} backlog=1024;
    root ${folder}/www;
    ${added.join('\n    ')}
  }
}
`;
}
