import { type TlsFiles, invalidTimes, readTlsAgain } from '../config/tls-files.ts';
import type { Loaded } from '../config/load.ts';
import type { TlsGauges } from '../core/observer/observer.ts';
import { type Clock, wallClockMs } from '../core/time/time.ts';
import { type HandshakeFailure, handshakeFailures } from '../core/vocabulary.ts';
import type { HttpApp } from '../http/app-options.ts';
import type { Connections } from '../http/connection/connections.ts';
import type { FailedHandshake } from '../http/tls/handshakes.ts';
import { type ListenerTls, useFiles } from '../http/tls/secure-server.ts';
import type { Logger } from '../observability/log/logger.ts';

/** The shortest time between two lines of the log about handshakes. */
const LOG_EVERY_MS = 1000;

interface Listener {
  readonly server: HttpApp['server'];
  readonly connections: Connections;
}

/**
 * TLS of both listeners: the files in force, and the handshakes that failed.
 *
 *     reload ─▶ files that differ ─▶ new connections use them
 *                     └─ another clientCa ─▶ earlier connections end after the responses that are under way
 */
export class ServerTls implements ListenerTls {
  #files: TlsFiles;
  readonly #listeners: Listener[] = [];
  readonly #counts = new Map<HandshakeFailure, number>();
  readonly #clock: Clock;
  readonly #logger: Logger | false;
  #loggedAt = -Infinity;
  #unlogged = 0;

  constructor(files: TlsFiles, clock: Clock, logger: Logger | false) {
    this.#files = files;
    this.#clock = clock;
    this.#logger = logger;
    this.#warnOfTimes();
  }

  get files(): TlsFiles {
    return this.#files;
  }

  get gauges(): TlsGauges {
    const { cert, clientCa } = this.#files.validity;
    const counts = handshakeFailures.map((reason) => [reason, this.#counts.get(reason) ?? 0] as const);
    return {
      notAfterMs: { cert: cert.toMs, clientCa: clientCa?.toMs ?? null },
      failedHandshakes: Object.fromEntries(counts) as Record<HandshakeFailure, number>,
    };
  }

  /** A listener that was opened with `files`. */
  add(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** New connections use these files. Throws if OpenSSL refuses them; the files in force stay then. */
  use(next: TlsFiles): void {
    const before = this.#files;
    // Without authorities, OpenSSL would accept the certificates of all public ones. A restart removes clientCa.
    const files = before.clientCa !== undefined && next.clientCa === undefined ? withClientCa(next, before) : next;
    const otherClients = files.clientCa !== before.clientCa;
    if (files.cert === before.cert && files.key === before.key && !otherClients) return;
    for (const { server } of this.#listeners) useFiles(server, files);
    this.#files = files;
    if (this.#logger !== false) {
      const { cert } = files.validity;
      const validUntil = new Date(cert.toMs).toISOString();
      this.#logger.info({ validUntil }, 'the files of server.tls have changed: new connections use them');
    }
    this.#warnOfTimes();
    if (otherClients) for (const { connections } of this.#listeners) connections.retire();
  }

  /** Reads the files of the configuration in force again, and uses them if they are in order. Never throws. */
  refresh(inForce: Pick<Loaded, 'config' | 'baseDir'>): void {
    const { tls } = inForce.config.server;
    const files = tls === undefined ? undefined : readTlsAgain(tls, inForce.baseDir);
    if (files === undefined) return;
    try {
      this.use(files);
    } catch (err) {
      if (this.#logger !== false) this.#logger.error({ err }, 'the files of server.tls cannot be used; others stay');
    }
  }

  readonly failed = ({ reason, code, client }: FailedHandshake): void => {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    if (this.#logger === false) return;
    const now = this.#clock.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) {
      this.#unlogged += 1;
      return;
    }
    const others = this.#unlogged;
    this.#loggedAt = now;
    this.#unlogged = 0;
    this.#logger.debug({ reason, code, client, others }, 'a TLS handshake failed');
  };

  #warnOfTimes(): void {
    if (this.#logger === false) return;
    for (const { path, message } of invalidTimes(this.#files, wallClockMs())) {
      this.#logger.warn(`${path.join('.')}: ${message}`);
    }
  }
}

function withClientCa(files: TlsFiles, from: TlsFiles): TlsFiles {
  return {
    ...files,
    clientCa: from.clientCa,
    validity: { cert: files.validity.cert, clientCa: from.validity.clientCa },
  };
}
