import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `millrace serve` in its own process, so that the figures are those of the service that a user runs. */
export interface DemoService {
  readonly url: string;
  readonly adminUrl: string;
  /** A folder with the configuration; it is removed when the service stops. */
  readonly folder: string;
  readonly configFile: string;
  /** The metrics in the Prometheus text format. */
  metrics(): Promise<string>;
  /** The end of the service's stderr if its process has ended; undefined while it runs. */
  lastOutput(): string | undefined;
  stop(): Promise<void>;
}

const pipeline = 'flights';
export const capacity = 100;

const yaml = (urlTemplate: string): string => `lookups:
  airport:
    http: { url: "${urlTemplate}" }
    timeout: 1s
pipelines:
  ${pipeline}:
    capacity: ${capacity}
    enrich:
      - { lookup: airport, with: { iata: /origin }, into: /originAirport }
      - { lookup: airport, with: { iata: /destination }, into: /destinationAirport }
`;

export const enrichUrl = (service: DemoService, mode: string): string =>
  `${service.url}/v1/enrich/${pipeline}?mode=${mode}`;

/** The first line of `serve`, with the addresses of its listeners. */
const listens = /listens on (http:\S+), admin on (http:[^\s;]+)/;

/** Runs `program serve`. Resolves when the service listens. Rejects with its output if it ends before that. */
export async function startDemoService(program: string, urlTemplate: string): Promise<DemoService> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'));
  const configFile = join(folder, 'millrace.yaml');
  writeFileSync(configFile, yaml(urlTemplate));
  const listenFlags = ['--host', '127.0.0.1', '--port', '0', '--admin-host', '127.0.0.1', '--admin-port', '0'];
  const child = spawn(process.execPath, [program, 'serve', '-c', configFile, ...listenFlags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  };
  const output = new LastOutput(child);
  try {
    const [url, adminUrl] = await addressesOf(child, output);
    return {
      url,
      adminUrl,
      folder,
      configFile,
      metrics: () => get(`${adminUrl}/metrics`),
      lastOutput: () => (child.exitCode === null && child.signalCode === null ? undefined : output.text),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads stderr to the end of the process, because a full pipe would stop it. Keeps the last 4 KiB. */
class LastOutput {
  text = '';

  constructor(child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.text = (this.text + chunk).slice(-4096);
    });
  }
}

function addressesOf(child: ChildProcess, output: LastOutput): Promise<readonly [url: string, adminUrl: string]> {
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', () => {
      const [, url, adminUrl] = listens.exec(output.text) ?? [];
      if (url !== undefined && adminUrl !== undefined) resolve([url, adminUrl]);
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(
        new Error(`the service ended with exit code ${code} before it listened:
${output.text}`),
      ),
    );
  });
}

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    httpRequest(url, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}
