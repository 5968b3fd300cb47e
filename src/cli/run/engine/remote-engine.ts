import { exponentialBackoff, withFullJitter } from '../../../core/time/backoff.ts';
import { systemClock, systemRandom } from '../../../core/time/time.ts';
import { resumeBytes, sentBytes } from '../lines/sent-lines.ts';
import type { Engine, Feed } from './engine.ts';
import { fatal, RemoteFailure } from './remote-failure.ts';
import { isJsonObject, parseJson } from '../../../core/json/json.ts';
import { readText, RemoteStream, type RemoteStreamOptions } from './remote-stream.ts';

/** Bytes of lines whose output is not complete, at most; more lines are read when a checkpoint has come. */
const mostKeptBytes = 64 * 1024 ** 2;
/** Lines are read this far before they are sent. */
const mostUnsentBlocks = 8;

const backoff = withFullJitter(exponentialBackoff({ initialMs: 200, maxMs: 10_000, multiplier: 2 }), systemRandom);
/** The shortest wait, so that a service that refuses at once is not called in a loop. */
const leastWaitMs = 50;

export interface RemoteOptions extends Omit<RemoteStreamOptions, 'onData' | 'token' | 'answered'> {
  /** The address of the service, for messages. */
  readonly address: string;
  /** Where the service describes the pipeline: read if a failed record has to be visible in the output. */
  readonly described: URL | undefined;
  /** Returns the token for the next request. */
  readonly token: () => string | undefined;
  /** How long streams may fail without a new checkpoint. */
  readonly retryMs: number;
  /** A stream has failed; another one begins in `waitMs`. */
  readonly onRetry: (failure: RemoteFailure, waitMs: number) => void;
}

/**
 * Runs the lines through a service: by one stream or, if that breaks, by another one that goes on from the last checkpoint.
 *
 *     source ─▶ journal ─▶ stream 1 ✗                      journal: every line since the last checkpoint
 *                      └─▶ stream 2: $resume, pending lines, lines from `next` on
 */
export class RemoteEngine implements Engine {
  readonly #options: RemoteOptions;
  #feed: Feed | undefined;
  #sourceEnded = false;
  #sourceError: unknown;
  #wake: () => void = () => {};
  #stream: RemoteStream | undefined;
  #annotates = false;
  #answered = false;
  /** The number of the block that is sent next. */
  #nextBlock = 0;

  constructor(options: RemoteOptions) {
    this.#options = options;
  }

  get inFlight(): number | undefined {
    return undefined;
  }

  async run(feed: Feed): Promise<void> {
    this.#feed = feed;
    const { signal } = feed;
    const stop = (): void => {
      this.#stream?.fail(new RemoteFailure('the run ends', false));
      this.#wake();
    };
    signal.addEventListener('abort', stop);
    void this.#readAhead(feed);
    try {
      await this.#untilComplete(feed);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {}

  async #untilComplete(feed: Feed): Promise<void> {
    const { journal, signal } = feed;
    const { address, retryMs, onRetry } = this.#options;
    let attempt = 0;
    let failingSince: number | undefined;
    for (;;) {
      // A service cuts a stream that sends nothing: the next one begins with the next line.
      while (!this.#hasLines && !this.#sourceEnded) await this.#change();
      if (signal.aborted) throw signal.reason;
      const before = progressOf(feed);
      try {
        await this.#oneStream(feed);
        if (this.#sourceError !== undefined) throw this.#sourceError;
        return;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        feed.rollback();
        if (!(error instanceof RemoteFailure)) throw error;
        if (!error.retryable) throw new Error(`${address}: ${error.message}`, { cause: error });
        if (progressOf(feed) !== before) {
          attempt = 0;
          failingSince = undefined;
        }
        attempt += 1;
        const now = systemClock.now();
        failingSince ??= now;
        if (!this.#hasLines && !this.#sourceEnded && journal.bytes === 0) continue;
        const waitMs = Math.max(leastWaitMs, backoff.delayMs(attempt), error.retryAfterMs ?? 0);
        if (now + waitMs - failingSince > retryMs)
          throw new Error(
            `${address}: ${error.message}; no stream made progress for ${retryMs / 1000} s (--retry-for)`,
            {
              cause: error,
            },
          );
        onRetry(error, waitMs);
        await pause(waitMs, signal);
      }
    }
  }

  /** Resolves if the stream is complete. Rejects with RemoteFailure. */
  async #oneStream(feed: Feed): Promise<void> {
    const { journal, marks, output } = feed;
    await this.#annotate();
    const lines = output((problem) => {
      throw fatal(problem);
    });
    const { url, files, stallMs, token } = this.#options;
    const stream = new RemoteStream({
      url,
      files,
      stallMs,
      token: token(),
      answered: this.#answered,
      onData: (chunk) => {
        this.#answered = true;
        lines.push(chunk);
        // A checkpoint may have made room in the journal.
        this.#wake();
        if (journal.bytes === 0 && journal.resume.pending.length === 0 && !this.#sourceEnded) stream.idle();
        if (feed.hasRoom()) return;
        stream.pause();
        feed.whenRoom(() => stream.resume());
      },
    });
    this.#stream = stream;
    const { checkpoint, firstBlock } = journal.resume;
    this.#nextBlock = firstBlock;
    const send = async (): Promise<void> => {
      await stream.write(resumeBytes(journal, marks));
      while (stream.open) {
        const block = journal.block(this.#nextBlock);
        if (block !== undefined) {
          this.#nextBlock += 1;
          this.#wake();
          await stream.write(sentBytes(block, checkpoint.next, marks));
        } else if (this.#sourceEnded) return stream.finish();
        else await this.#change();
      }
    };
    const sending = send();
    sending.catch(() => {});
    try {
      await stream.ended;
      if (lines.complete) return;
      throw new RemoteFailure('the response ended without its $summary', true);
    } finally {
      stream.fail(new RemoteFailure('the stream has ended', true));
      this.#wake();
      await sending.catch(() => {});
    }
  }

  /** Asks for `_error` in failed records, once, if the pipeline has another `onError`: it may forbid that. */
  async #annotate(): Promise<void> {
    const { described, files, token, stallMs, url } = this.#options;
    if (described === undefined || this.#annotates) return;
    const text = await readText({ url: described, files, token: token(), stallMs, answered: this.#answered });
    const value = parseJson(text);
    const onError = isJsonObject(value) ? value['onError'] : undefined;
    if (onError !== 'annotate' && onError !== undefined) url.searchParams.set('onError', 'annotate');
    this.#annotates = true;
  }

  get #hasLines(): boolean {
    const { journal } = this.#feed ?? {};
    return journal !== undefined && (journal.bytes > 0 || journal.resume.pending.length > 0);
  }

  /** Reads blocks into the journal, some before they are sent. */
  async #readAhead({ source, journal, signal }: Feed): Promise<void> {
    try {
      while (!signal.aborted) {
        if (journal.bytes > mostKeptBytes || journal.blockCount - this.#nextBlock >= mostUnsentBlocks) {
          await this.#change();
          continue;
        }
        const block = await source.read();
        if (block === undefined) break;
        journal.add(block);
        this.#wake();
      }
    } catch (error) {
      this.#sourceError = error;
    }
    this.#sourceEnded = true;
    this.#wake();
  }

  /** Resolves at the next change of the journal, of the source or of the stream. */
  #change(): Promise<void> {
    const wake = this.#wake;
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = () => {};
        wake();
        resolve();
      };
    });
  }
}

/** Changes with each checkpoint that completes a line. */
function progressOf({ journal }: Feed): string {
  const { checkpoint } = journal.resume;
  return `${checkpoint.next} ${checkpoint.pending.length}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const disarm = systemClock.setTimer(ms, resolve);
    signal.addEventListener(
      'abort',
      () => {
        disarm();
        resolve();
      },
      { once: true },
    );
  });
}
