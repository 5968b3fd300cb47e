import { Secrets } from '../../core/secrets/secrets.ts';
import { thrownMessage, thrownStack } from '../../core/thrown.ts';
import { systemClock } from '../../core/time/time.ts';
import { LogOutput } from '../../observability/log/log-output.ts';
import { createLogger } from '../../observability/log/logger.ts';
import { collectStart } from './bounded-heap.ts';
import { startService } from '../../service/start-service.ts';
import { standardInput } from '../../config/load.ts';
import { exitCodes, UsageError } from '../exit-codes.ts';
import { type ConfigFlags, settingsOf } from '../settings.ts';
import { UncaughtErrors } from './uncaught-errors.ts';

/** How long the process waits at its end for a slow reader of the log. */
const lastLinesMs = 1000;

/** The longest time that log lines are held. If the start takes longer, a lookup may log what it waits for. */
const longestHoldMs = 10_000;

/**
 * `millrace serve`: runs until SIGTERM or SIGINT, then lets running streams finish. SIGHUP reloads the configuration.
 *
 * The exit code is 0 if every stream ended by itself. If streams were cut, or a second signal arrived, it is 128 + signal.
 */
export async function serve(flags: ConfigFlags): Promise<number> {
  // The listener is there from the beginning: without one, SIGHUP ends the process.
  const hangups = new Hangups();
  try {
    return await serveUntilStopped(flags, hangups);
  } finally {
    hangups.close();
  }
}

async function serveUntilStopped(flags: ConfigFlags, hangups: Hangups): Promise<number> {
  if (flags.config === standardInput)
    throw new UsageError('serve takes no configuration from standard input: a reload reads it again');
  const loaded = settingsOf(flags);
  const { config, source } = loaded;
  const secrets = new Secrets();
  secrets.learn(loaded.secrets);
  const output = new LogOutput(process.stderr);
  const log = new HeldLog(output);
  const logger = createLogger({ level: config.server.log.level, destination: log, secrets });
  log.releaseAfter(longestHoldMs);
  output.onRecovery((lost) => logger.warn({ lost }, 'some lines of the log could not be written and are lost'));
  const uncaught = new UncaughtErrors({
    process,
    clock: systemClock,
    logger,
    startFailed(thrown) {
      log.release();
      return startFailed(secrets.hide(thrownStack(thrown) ?? thrownMessage(thrown)));
    },
  });
  uncaught.listen();
  // The listeners are there from here on: without them, a signal does not end process 1 of a container.
  const stopped = firstSignal();
  // A reload reads the same file again, even if a file with a preferred name has appeared since.
  const starting = startService({
    loaded,
    load: () => settingsOf({ ...flags, config: source }),
    logger,
    secrets,
    process: {
      lostLogLines: () => output.lost,
      uncaughtErrors: (origin, whose) => uncaught.count(origin, whose),
    },
  });
  const service = await Promise.race([starting, stopped]).catch((error: unknown) => {
    log.release();
    throw new Error(secrets.hide(thrownMessage(error)), { cause: error });
  });
  // Nothing was served, so an `open` that hangs need not end first.
  if (typeof service === 'string') {
    log.release();
    process.exit(exitCodes[service]);
  }
  const names = Object.keys(config.pipelines).join(', ');
  hangups.each(() => void service.reload('SIGHUP'));
  collectStart();
  uncaught.serving();
  output.write(`millrace listens on ${service.url}, admin on ${service.adminUrl}; pipelines: ${names}\n`);
  log.release();
  const signal = await stopped;
  process.once('SIGTERM', () => process.exit(exitCodes.SIGTERM));
  process.once('SIGINT', () => process.exit(exitCodes.SIGINT));
  logger.info({ signal, drainTimeoutMs: service.drainTimeoutMs }, 'draining: no new streams, running ones may finish');
  const cut = await service.stop();
  logger.info({ cut }, 'stopped');
  uncaught.close();
  await Promise.race([output.flushed(), after(lastLinesMs)]);
  // A timer of a module, or a pipe without a reader, would keep the process running.
  return process.exit(cut === 0 ? exitCodes.done : exitCodes[signal]);
}

function startFailed(why: string): never {
  process.stderr.write(`millrace: an error that no code caught ended the start: ${why}\n`);
  return process.exit(exitCodes.failed);
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.setTimer(ms, resolve));
}

/** Holds the lines of the log until it is released, so that the first line of the output is the listen addresses. */
class HeldLog {
  readonly #output: { write(line: string): unknown };
  #held: string[] | undefined = [];
  #disarm: (() => void) | undefined;

  constructor(output: { write(line: string): unknown }) {
    this.#output = output;
  }

  write(line: string): void {
    if (this.#held === undefined) this.#output.write(line);
    else this.#held.push(line);
  }

  releaseAfter(ms: number): void {
    this.#disarm = systemClock.setTimer(ms, () => this.release());
  }

  release(): void {
    this.#disarm?.();
    for (const line of this.#held ?? []) this.#output.write(line);
    this.#held = undefined;
  }
}

/** Receives SIGHUP. A signal before `each` is called is kept until then. */
class Hangups {
  #received = false;
  #onHangup = (): void => {
    this.#received = true;
  };
  readonly #listener = (): void => this.#onHangup();

  constructor() {
    process.on('SIGHUP', this.#listener);
  }

  each(onHangup: () => void): void {
    this.#onHangup = onHangup;
    if (this.#received) onHangup();
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
