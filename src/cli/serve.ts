import { Secrets } from '../core/secrets.ts';
import { createLogger } from '../observability/logger.ts';
import { collectStart } from './bounded-heap.ts';
import { startService } from './compose.ts';
import { exitCodes } from './exit-codes.ts';
import { type ConfigFlags, settingsOf } from './settings.ts';

/**
 * `millrace serve`: runs until SIGTERM or SIGINT, then lets running streams finish. SIGHUP reads the configuration anew.
 *
 * Done is 0: every stream ended by itself. Where streams had to be cut, or a second signal came, it is 128 + signal.
 */
export async function serve(flags: ConfigFlags): Promise<number> {
  // Heard from the beginning: a SIGHUP that nobody listens to ends the process.
  const hangups = new Hangups();
  try {
    return await serveUntilStopped(flags, hangups);
  } finally {
    hangups.close();
  }
}

async function serveUntilStopped(flags: ConfigFlags, hangups: Hangups): Promise<number> {
  const loaded = settingsOf(flags);
  const { config, source } = loaded;
  const secrets = new Secrets();
  secrets.learn(loaded.secrets);
  const logger = createLogger({ level: config.server.log.level, destination: process.stderr, secrets });
  // Heard from here on: process 1 of a container is not ended by a signal that nobody listens to.
  const stopped = firstSignal();
  // The same file again, even where others have come by whose names would go first.
  const starting = startService({ loaded, load: () => settingsOf({ ...flags, config: source }), logger, secrets });
  const service = await Promise.race([starting, stopped]).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(secrets.hide(message), { cause: error });
  });
  // Nothing has been served, and an `open` that hangs is not waited for.
  if (typeof service === 'string') process.exit(exitCodes[service]);
  const names = Object.keys(config.pipelines).join(', ');
  hangups.each(() => void service.reload('SIGHUP'));
  collectStart();
  process.stderr.write(`millrace listens on ${service.url}, admin on ${service.adminUrl}; pipelines: ${names}\n`);
  const signal = await stopped;
  process.once('SIGTERM', () => process.exit(exitCodes.SIGTERM));
  process.once('SIGINT', () => process.exit(exitCodes.SIGINT));
  logger.info({ signal, drainTimeoutMs: service.drainTimeoutMs }, 'draining: no new streams, running ones may finish');
  const cut = await service.stop();
  logger.info({ cut }, 'stopped');
  return cut === 0 ? exitCodes.done : exitCodes[signal];
}

/** SIGHUPs; one that comes before anybody asks is kept until somebody does. */
class Hangups {
  #heard = false;
  #tell = (): void => {
    this.#heard = true;
  };
  readonly #listener = (): void => this.#tell();

  constructor() {
    process.on('SIGHUP', this.#listener);
  }

  each(tell: () => void): void {
    this.#tell = tell;
    if (this.#heard) tell();
  }

  close(): void {
    process.removeListener('SIGHUP', this.#listener);
  }
}

function firstSignal(): Promise<'SIGTERM' | 'SIGINT'> {
  return new Promise((resolve) => {
    const stop = (signal: 'SIGTERM' | 'SIGINT'): void => {
      process.removeListener('SIGTERM', onTerm);
      process.removeListener('SIGINT', onInt);
      resolve(signal);
    };
    const onTerm = (): void => stop('SIGTERM');
    const onInt = (): void => stop('SIGINT');
    process.once('SIGTERM', onTerm);
    process.once('SIGINT', onInt);
  });
}
