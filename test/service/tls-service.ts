import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { type Loaded, loadConfig } from '../../src/config/load.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import { createLogger } from '../../src/observability/log/logger.ts';
import type { RunningService } from '../../src/service/start-service.ts';
import { Certificates } from '../connectors/http/tls/certificates.ts';
import { Downstream } from '../http/start.ts';
import { folderOf } from './serving.ts';
import { started } from './started.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly trailers: IncomingMessage['trailers'];
}

/** A service with TLS in this process, its certificates, and clients that trust it. */
export class TlsService {
  readonly certificates: Certificates;
  readonly folder: string;
  readonly service: RunningService;
  readonly downstream: Downstream;
  /** The lines of the log. */
  readonly log: Record<string, unknown>[];

  constructor(parts: Pick<TlsService, 'certificates' | 'folder' | 'service' | 'downstream' | 'log'>) {
    this.certificates = parts.certificates;
    this.folder = parts.folder;
    this.service = parts.service;
    this.downstream = parts.downstream;
    this.log = parts.log;
  }

  get port(): number {
    return Number(new URL(this.service.url).port);
  }

  /** What a client needs that trusts the service, with the certificate NAME of its own if it is named. */
  client(name?: string): RequestOptions {
    const ca = this.certificates.pem('ca.crt');
    return name === undefined ? { ca } : { ca, ...this.certificates.shown(name) };
  }

  /** Sends one request on a connection of its own. */
  async answer(url: string, options: RequestOptions = this.client(), body = ''): Promise<Answer> {
    const agent = new Agent({ keepAlive: false });
    const sent = request(url, { agent, method: body === '' ? 'GET' : 'POST', ...options });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const answered = await text(response);
    return { status: response.statusCode ?? 0, body: answered, trailers: response.trailers };
  }

  admin(path: string, options: RequestOptions = this.client()): Promise<Answer> {
    return this.answer(this.service.adminUrl + path, options);
  }

  async metric(sample: string, options?: RequestOptions): Promise<number> {
    const { body } = await this.admin('/metrics', options);
    const line = body.split('\n').find((one) => one.startsWith(`${sample} `));
    return Number(line?.slice(sample.length + 1));
  }

  /** Copies the certificate and the key NAME to the files of the configuration. */
  install(name: string, what: readonly ('cert' | 'key')[] = ['cert', 'key']): void {
    if (what.includes('cert')) copyFileSync(join(this.certificates.folder, `${name}.crt`), this.path('tls.crt'));
    if (what.includes('key')) copyFileSync(join(this.certificates.folder, `${name}.key`), this.path('tls.key'));
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  write(file: string, content: string | Buffer): void {
    writeFileSync(this.path(file), content);
  }
}

/** A certificate of `name` for 127.0.0.1, signed by `by`. */
export const forHere = 'subjectAltName=IP:127.0.0.1';

export interface TlsServiceOptions {
  /** Members of `server.tls` beside `cert` and `key`. */
  readonly tls?: string;
  /** Other members of `server`. */
  readonly server?: string;
  /** Makes further files, before the service starts. */
  readonly prepare?: (certificates: Certificates, folder: string) => void;
}

export function configuration(downstreamPort: number, tls = '', server = ''): string {
  return `
server: { port: 0, admin: { port: 0 }, drainTimeout: 1s, tls: { cert: tls.crt, key: tls.key${tls} }${server} }
lookups: { far: { http: { url: "http://127.0.0.1:${downstreamPort}/{key}" } } }
pipelines: { test: { enrich: [ { lookup: far, with: { key: /key }, into: /answer } ] } }
`;
}

export async function tlsService({ tls = '', server = '', prepare }: TlsServiceOptions = {}): Promise<TlsService> {
  const certificates = new Certificates();
  onTestFinished(() => certificates.remove());
  certificates.authority('ca').signed('here', 'ca', forHere);
  const downstream = new Downstream();
  const downstreamPort = await downstream.listen();
  onTestFinished(() => downstream.close());
  const folder = folderOf({
    'tls.crt': certificates.pem('here.crt').toString(),
    'tls.key': certificates.pem('here.key').toString(),
    'millrace.yaml': configuration(downstreamPort, tls, server),
  });
  prepare?.(certificates, folder);
  const load = (): Loaded => loadConfig({ file: join(folder, 'millrace.yaml'), env: {}, flags: {}, checks: [] });
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: 'info',
    destination: { write: (line) => void log.push(JSON.parse(line)) },
    secrets: new Secrets(),
  });
  const service = await started(load(), { load, logger });
  return new TlsService({ certificates, folder, service, downstream, log });
}
