import type { RequestError } from '../../../core/errors.ts';
import type { Pipeline } from '../../../pipeline/pipeline.ts';
import type { StreamSettings } from '../../../pipeline/stream-settings.ts';
import type { EnrichStream } from '../../../pipeline/stream/enrich-stream.ts';
import type { StreamSink } from '../../../pipeline/stream/stream-sink.ts';
import type { OutputLines } from '../lines/output-lines.ts';
import { resumeBytes, sentBytes } from '../lines/sent-lines.ts';
import type { Engine, Feed } from './engine.ts';

/** Bytes of lines that are kept before a checkpoint is written, whatever its interval. */
const leastKeptBytes = 8 * 1024 ** 2;

/**
 * Runs the lines through a pipeline of this process, with the same control lines as a client of a service:
 *
 *     source ─▶ journal ─ $resume, lines ─▶ EnrichStream ─ lines, $checkpoint ─▶ output
 */
export class LocalEngine implements Engine {
  readonly #pipeline: Pipeline;
  readonly #settings: StreamSettings;
  readonly #closePipelines: () => Promise<void>;
  #stream: EnrichStream | undefined;

  constructor(pipeline: Pipeline, settings: StreamSettings, closePipelines: () => Promise<void>) {
    this.#pipeline = pipeline;
    this.#settings = settings;
    this.#closePipelines = closePipelines;
  }

  get inFlight(): number | undefined {
    return this.#stream?.gauges.inFlight;
  }

  async run(feed: Feed): Promise<void> {
    const { source, journal, marks, signal } = feed;
    const sink = new Sink(feed);
    let mostKept = leastKeptBytes;
    const stream = this.#pipeline.open(this.#settings, sink);
    this.#stream = stream;
    sink.readerReady = () => stream.readerReady();
    const stop = (): void => {
      stream.abort(signal.reason);
      sink.settle(signal.reason);
    };
    signal.addEventListener('abort', stop);
    try {
      const push = async (bytes: Buffer): Promise<void> => {
        if (bytes.length > 0 && !sink.ended && !stream.push(bytes)) await sink.room();
      };
      await push(resumeBytes(journal, marks));
      while (!sink.ended) {
        const block = await Promise.race([source.read(), sink.over]);
        if (block === undefined) break;
        journal.add(block);
        await push(sentBytes(block, block.firstSeq, marks));
        if (journal.bytes < mostKept) continue;
        // The lines that are out are forgotten. What is left then may double before the next checkpoint.
        stream.checkpoint();
        mostKept = Math.max(leastKeptBytes, 2 * journal.bytes);
      }
      stream.endBody();
      await sink.over;
      if (sink.error !== undefined) throw sink.error;
    } finally {
      signal.removeEventListener('abort', stop);
      stream.abort(new Error('the run ends'));
      stream.release();
    }
  }

  close(): Promise<void> {
    return this.#closePipelines();
  }
}

class Sink implements StreamSink {
  readonly over: Promise<undefined>;
  error: unknown;
  ended = false;
  readerReady: () => void = () => {};
  readonly #feed: Feed;
  readonly #lines: OutputLines;
  #end: () => void = () => {};
  #resume: () => void = () => {};

  constructor(feed: Feed) {
    this.#feed = feed;
    // `fail` receives the reason as an error.
    this.#lines = feed.output(() => {});
    this.over = new Promise((resolve) => {
      this.#end = () => resolve(undefined);
    });
  }

  get heldBytes(): number {
    return this.#feed.heldBytes();
  }

  /** Resolves when more lines may be pushed, or when the stream has ended. */
  room(): Promise<unknown> {
    return Promise.race([
      this.over,
      new Promise<void>((resolve) => {
        this.#resume = resolve;
      }),
    ]);
  }

  write(output: string | Buffer): boolean {
    this.#lines.push(Buffer.from(output));
    if (this.#feed.hasRoom()) return true;
    this.#feed.whenRoom(() => this.readerReady());
    return false;
  }

  resume(): void {
    this.#resume();
  }

  end(): void {
    this.settle(undefined);
  }

  fail(error: RequestError): void {
    this.settle(new Error(error.message, { cause: error }));
  }

  defect(error: unknown): void {
    this.settle(error);
  }

  settle(error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.error = error;
    this.#end();
  }
}
