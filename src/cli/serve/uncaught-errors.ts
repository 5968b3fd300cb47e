import type { EventEmitter } from 'node:events';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { thrownMessage, thrownStack } from '../../core/thrown.ts';
import type { Clock } from '../../core/time/time.ts';
import type { Logger } from '../../observability/log/logger.ts';
import type { UncaughtOrigin, UncaughtSource } from '../../observability/metrics/counts/process-counts.ts';

/** A rejected promise counts as uncaught if it still has no handler after this time. */
const graceMs = 1000;
/** Rejections that wait for a handler at the same time; one more is reported at once. */
const maxPending = 1000;
/** More errors are counted but not logged; the next line has their number. */
const maxLinesPerSecond = 10;

export interface UncaughtErrorsOptions {
  /** The process of Node.js. */
  readonly process: Pick<EventEmitter, 'on' | 'off'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called for an exception before the service serves: a step of the start is lost, so it may never end. */
  readonly startFailed: (thrown: unknown) => void;
}

/**
 * Receives the errors that no code catches, which would end the process: those in timers and promises of a user's module,
 * and defects of Millrace.
 *
 *     exception before `serving`   the start has failed
 *     exception after it           logged with its stack, counted; every stream goes on
 *     rejection                    the same, a second later, if the promise has no handler by then
 */
export class UncaughtErrors {
  readonly #options: UncaughtErrorsOptions;
  readonly #counts = new Map<string, number>();
  readonly #pending = new Map<Promise<unknown>, { readonly reason: unknown; readonly disarm: () => void }>();
  readonly #onException = (thrown: unknown): void => {
    if (this.#serving) this.#report('exception', thrown);
    else this.#options.startFailed(thrown);
  };
  readonly #onRejection = (reason: unknown, promise: Promise<unknown>): void => this.#rejected(reason, promise);
  readonly #onHandled = (promise: Promise<unknown>): void => this.#handled(promise);
  #serving = false;
  #secondBegan = -Infinity;
  #linesThisSecond = 0;
  #unlogged = 0;

  constructor(options: UncaughtErrorsOptions) {
    this.#options = options;
  }

  count(origin: UncaughtOrigin, source: UncaughtSource): number {
    return this.#counts.get(key(origin, source)) ?? 0;
  }

  listen(): void {
    const { process } = this.#options;
    process.on('uncaughtException', this.#onException);
    process.on('unhandledRejection', this.#onRejection);
    process.on('rejectionHandled', this.#onHandled);
  }

  /** From now on no error ends the process. */
  serving(): void {
    this.#serving = true;
  }

  /** Reports the rejections that still wait for a handler. From now on an uncaught error ends the process again. */
  close(): void {
    const { process } = this.#options;
    for (const [promise, { reason, disarm }] of this.#pending) {
      disarm();
      this.#pending.delete(promise);
      this.#report('rejection', reason);
    }
    process.off('uncaughtException', this.#onException);
    process.off('unhandledRejection', this.#onRejection);
    process.off('rejectionHandled', this.#onHandled);
  }

  #rejected(reason: unknown, promise: Promise<unknown>): void {
    if (this.#pending.size >= maxPending) return this.#report('rejection', reason);
    const disarm = this.#options.clock.setTimer(graceMs, () => {
      this.#pending.delete(promise);
      this.#report('rejection', reason);
    });
    this.#pending.set(promise, { reason, disarm });
  }

  #handled(promise: Promise<unknown>): void {
    this.#pending.get(promise)?.disarm();
    this.#pending.delete(promise);
  }

  #report(origin: UncaughtOrigin, thrown: unknown): void {
    const source = sourceOf(thrownStack(thrown));
    this.#counts.set(key(origin, source), this.count(origin, source) + 1);
    if (this.#mayLog()) this.#log({ origin, source }, thrown);
  }

  #mayLog(): boolean {
    const now = this.#options.clock.now();
    if (now - this.#secondBegan >= 1000) {
      this.#secondBegan = now;
      this.#linesThisSecond = 0;
    }
    if (this.#linesThisSecond++ < maxLinesPerSecond) return true;
    this.#unlogged++;
    return false;
  }

  #log(about: { readonly origin: UncaughtOrigin; readonly source: UncaughtSource }, thrown: unknown): void {
    const { logger } = this.#options;
    const details = this.#unlogged === 0 ? about : { ...about, unlogged: this.#unlogged };
    this.#unlogged = 0;
    try {
      // The members and causes of an error would help, but reading them may run code of the module that threw it.
      if (types.isNativeError(thrown))
        return logger.error({ ...details, err: thrown }, 'no code caught this error; the service goes on');
    } catch {}
    const err = new Error(thrownMessage(thrown));
    err.stack = thrownStack(thrown) ?? err.message;
    logger.error({ ...details, err }, 'no code caught this error; the service goes on');
  }
}

const key = (origin: UncaughtOrigin, source: UncaughtSource): string => `${origin} ${source}`;

/** The folder of the sources, or of the compiled files, as a URL: stacks name files like this. */
const ownFolder = `${pathToFileURL(dirname(dirname(import.meta.dirname))).href}/`;

/** The code that threw the error: that of the first frame outside of Node.js and of packages. */
function sourceOf(stack: string | undefined): UncaughtSource {
  for (const frame of stack?.split('\n') ?? []) {
    const [, place] = /^\s+at (?:.*\()?(.+?):\d+:\d+\)?$/.exec(frame) ?? [];
    if (place === undefined || place.startsWith('node:')) continue;
    const url = place.startsWith('/') ? pathToFileURL(place).href : place;
    if (url.startsWith(ownFolder)) return 'millrace';
    if (!url.includes('/node_modules/')) return 'module';
  }
  return 'unknown';
}
