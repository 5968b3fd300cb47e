import type { PipelineConfig } from '../config/schema/schema.ts';
import { RecordError } from '../core/errors.ts';
import { guardWith } from '../core/guard.ts';
import type { JsonValue } from '../core/json/json.ts';
import type { MemoryBudget, MemoryShare } from '../core/memory-budget.ts';
import type { PipelineObserver } from '../core/observer/observer.ts';
import type { Secrets } from '../core/secrets/secrets.ts';
import type { Clock } from '../core/time/time.ts';
import type { BadLine } from '../wire/lines/bad-line.ts';
import { EnrichStream } from './stream/enrich-stream.ts';
import type { StreamSink } from './stream/stream-sink.ts';
import { AnswerForecast, RecordBytes } from './stream/held-bytes.ts';
import { entryOf } from './record/entry.ts';
import type { Outcome } from './record/outcome.ts';
import { recordOperator } from './record/record-operator.ts';
import { planOf, type PlanBase } from './steps/plan.ts';
import { defaultSettings, type StreamSettings } from './stream-settings.ts';
import { recordOf } from './record/record-text.ts';
import { stepAdditions } from './steps/step-additions.ts';
import { explainStep, type LookupSettings } from './steps/explain.ts';
import { membersOf, type Step } from './steps/step.ts';
import { Tally } from './stream/tally.ts';

export interface PipelineRuntime {
  readonly observer: PipelineObserver;
  readonly clock: Clock;
  readonly lineBytes: number;
  /** Values that no message may show. */
  readonly secrets: Secrets;
  /** The memory that all streams share. */
  readonly memory: MemoryBudget;
}

/** A configured pipeline, open for any number of streams at the same time. */
export class Pipeline {
  readonly name: string;
  readonly config: PipelineConfig;
  readonly observer: PipelineObserver;
  /** A step calls a user's code, which must not run while Node.js reads a request. See Connector. */
  readonly runsUserCode: boolean;
  readonly #base: PlanBase;
  readonly #settings: StreamSettings;
  readonly #forecast: AnswerForecast;
  readonly #runtime: PipelineRuntime;

  constructor(name: string, config: PipelineConfig, steps: readonly Step[], runtime: PipelineRuntime) {
    this.name = name;
    this.config = config;
    this.observer = runtime.observer;
    this.#settings = defaultSettings(config, runtime.lineBytes);
    const members = membersOf(steps);
    this.#base = { steps, members, additions: stepAdditions(steps, members), secrets: runtime.secrets };
    this.runsUserCode = steps.some(({ lookup }) => lookup.runsUserCode);
    this.#forecast = new AnswerForecast(steps.reduce((sum, { lookup }) => sum + lookup.largestAnswerBytes, 0));
    this.#runtime = runtime;
  }

  /** The settings of a stream whose request overrides none. */
  settings(): StreamSettings {
    return this.#settings;
  }

  open(settings: StreamSettings, sink: StreamSink): EnrichStream {
    const plan = planOf(this.#base, settings, (error) => sink.defect(error));
    return new EnrichStream(plan, sink, { ...this.#runtime, forecast: this.#forecast });
  }

  /**
   * Enriches one record that stands alone and may have several lines. The bytes that it holds are counted in `memory`,
   * which the caller closes. Rejects with the reason of `signal` when that is aborted.
   */
  enrichOne(text: string, settings: StreamSettings, memory: MemoryShare, signal: AbortSignal): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const { observer, clock } = this.#runtime;
      const tally = new Tally(observer);
      const emit = (outcome: Outcome): void => {
        tally.out(outcome);
        resolve(outcome);
      };
      const onDefect = (error: unknown): void => {
        reject(error);
        operator.abort(error);
      };
      const guard = guardWith(onDefect);
      const operator = recordOperator(
        planOf(this.#base, { ...settings, capacity: 1, single: true }, onDefect),
        new RecordBytes(memory, this.#forecast),
        {
          downstream: { ready: true, emit, emitBarrier() {}, flush() {} },
          onRoom() {},
          onEnd() {},
          beforeEmit: undefined,
          backpressure: undefined,
          turnGate: undefined,
          guard,
        },
        observer,
        clock,
      );
      const abort = guard(() => {
        operator.abort(signal.reason);
        tally.end();
        reject(signal.reason);
      });
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      tally.in();
      operator.offer(entryOf(0, oneLine(text, settings.lineBytes), 2));
      operator.end(false);
    });
  }

  /** Describes the calls that a record would cause, and makes none. Throws RecordError if the text is not a record. */
  explain(text: string, settingsOf: LookupSettings): JsonValue {
    const record = recordOf(text.trim());
    if (record instanceof RecordError) throw record;
    const { steps, secrets } = this.#base;
    return steps.map((step) => explainStep(step, steps, record, settingsOf, secrets));
  }
}

function oneLine(text: string, lineBytes: number): string | BadLine {
  const bytes = Buffer.byteLength(text);
  if (bytes <= lineBytes) return text.trim();
  const message = `the record has ${bytes} bytes, and limits.lineBytes allows ${lineBytes}`;
  return { code: 'line_too_long', message, input: text.slice(0, 256) };
}
