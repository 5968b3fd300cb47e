import type { OnError, PipelineConfig } from '../config/schema/schema.ts';
import { RecordError } from '../core/errors.ts';
import { guardWith } from '../core/guard.ts';
import { type JsonObject, type JsonValue, parseJson } from '../core/json/json.ts';
import { parsePointer } from '../core/json/json-pointer.ts';
import type { MemoryBudget, MemoryShare } from '../core/memory-budget.ts';
import type { PipelineObserver } from '../core/observer/observer.ts';
import type { Secrets } from '../core/secrets/secrets.ts';
import type { Clock } from '../core/time/time.ts';
import type { CallTrace } from '../core/observer/tracing.ts';
import { MemberScan } from '../wire/json/member-scan.ts';
import type { MemberTable } from '../wire/json/member-table.ts';
import type { BadLine } from '../wire/lines/bad-line.ts';
import { type Framing, ndjson } from '../wire/lines/framing.ts';
import type { LineSplitterOptions } from '../wire/lines/line-splitter.ts';
import type { ControlSettings } from './control/control-output.ts';
import { EnrichStream } from './stream/enrich-stream.ts';
import type { StreamSink } from './stream/stream-sink.ts';
import type { MetaField } from './record/meta.ts';
import { AnswerForecast } from './stream/held-bytes.ts';
import { entryOf } from './record/invoke-records.ts';
import type { Outcome } from './record/outcome.ts';
import { recordOperator, type StreamMode } from './record/record-operator.ts';
import type { Plan } from './record/plan.ts';
import { recordOf, type RecordText } from './record/record-text.ts';
import { argumentsOf, missingArgument, membersOf, shownArguments, type Step } from './record/step.ts';
import { Tally } from './stream/tally.ts';

/** What a client may choose for its stream; the rest is the pipeline's. */
export interface StreamSettings {
  readonly mode: StreamMode;
  /** Slots, at least 1. */
  readonly capacity: number;
  /** Milliseconds for one record over all its attempts, 0 for no bound. */
  readonly timeoutMs: number;
  readonly onError: OnError;
  readonly meta: readonly MetaField[];
  readonly delimiter: LineSplitterOptions['delimiter'];
  readonly framing: Framing;
  /** Undefined where `$` lines are records like any other. */
  readonly control: ControlSettings | undefined;
  /** Number of the first line of the body. */
  readonly offset: number;
  /** The trace that the stream belongs to, for its calls. */
  readonly trace: CallTrace | undefined;
}

export interface PipelineRuntime {
  readonly observer: PipelineObserver;
  readonly clock: Clock;
  readonly lineBytes: number;
  /** What no message shows. */
  readonly secrets: Secrets;
  /** What all streams together may hold. */
  readonly memory: MemoryBudget;
}

/** A configured pipeline, open for any number of streams at the same time. */
export class Pipeline {
  readonly name: string;
  readonly config: PipelineConfig;
  readonly observer: PipelineObserver;
  /** A step calls code of a user: lines are not given to it while Node.js reads a request. See Connector. */
  readonly runsUserCode: boolean;
  /** Tokens of `key`. */
  readonly #key: readonly string[] | undefined;
  readonly #steps: readonly Step[];
  readonly #members: MemberTable;
  readonly #forecast: AnswerForecast;
  readonly #runtime: PipelineRuntime;

  constructor(name: string, config: PipelineConfig, steps: readonly Step[], runtime: PipelineRuntime) {
    this.name = name;
    this.config = config;
    this.observer = runtime.observer;
    this.#key = config.key === undefined ? undefined : parsePointer(config.key);
    this.#steps = steps;
    this.runsUserCode = steps.some(({ lookup }) => lookup.runsUserCode);
    this.#members = membersOf(steps);
    this.#forecast = new AnswerForecast(steps.reduce((sum, { lookup }) => sum + lookup.largestAnswerBytes, 0));
    this.#runtime = runtime;
  }

  /** The settings of a client that asks for nothing. */
  settings(): StreamSettings {
    const { mode, capacity, timeout, onError, meta } = this.config;
    return {
      mode,
      capacity,
      timeoutMs: timeout,
      onError,
      meta,
      delimiter: 'lf',
      framing: ndjson,
      control: undefined,
      offset: 0,
      trace: undefined,
    };
  }

  open(settings: StreamSettings, sink: StreamSink): EnrichStream {
    const { observer, clock, lineBytes, memory } = this.#runtime;
    const { mode, capacity, timeoutMs, delimiter, framing, control, offset, trace } = settings;
    const { onInvalid } = this.config;
    const plan = this.#plan(settings, (error) => sink.defect(error));
    return new EnrichStream(
      {
        plan,
        onInvalid,
        multiline: delimiter === 'rs',
        mode,
        key: this.#key,
        capacity,
        timeoutMs,
        timesTurns: false,
        delimiter,
        framing,
        control,
        offset,
        trace,
        lineBytes,
        memory,
        forecast: this.#forecast,
      },
      sink,
      observer,
      clock,
    );
  }

  /**
   * Enriches one record that stands alone and may have several lines. What it holds is counted in `memory`, which the
   * caller closes. An aborted signal rejects with its reason.
   */
  enrichOne(text: string, settings: StreamSettings, memory: MemoryShare, signal: AbortSignal): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const { observer, clock, lineBytes } = this.#runtime;
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
        {
          ...settings,
          key: this.#key,
          plan: this.#plan(settings, onDefect),
          onInvalid: this.config.onInvalid,
          multiline: true,
          capacity: 1,
          timesTurns: true,
          memory,
          forecast: this.#forecast,
        },
        {
          downstream: { ready: true, emit, emitBarrier() {}, flush() {} },
          onRoom() {},
          onEnd() {},
          leaving: undefined,
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
      operator.offer(entryOf(0, oneLine(text, lineBytes), 2));
      operator.end(false);
    });
  }

  /** The calls that one record would lead to. None is made. Throws RecordError if the text is no record. */
  explain(text: string): JsonValue {
    const record = recordOf(text.trim());
    if (record instanceof RecordError) throw record;
    return this.#steps.map((step) => this.#explainStep(step, record));
  }

  #explainStep(step: Step, record: RecordText): JsonObject {
    const { lookup, into, repeat } = step;
    const about = { lookup: lookup.name, into, ...(repeat && { repeat: { max: repeat.max } }) };
    if (step.waitsFor.length > 0) {
      const places = step.waitsFor.map((other) => this.#steps[other]?.into ?? '');
      return { ...about, waitsFor: places };
    }
    try {
      if (step.when !== undefined && !step.when(record.value)) return { ...about, skipped: true };
      const args = argumentsOf(step, record);
      if (args === undefined) return { ...about, miss: missingArgument(step, record)?.message ?? '' };
      // What the lookup refuses is refused here as well, before it is shown without its secrets.
      step.lookup.describe(args);
      const call = JSON.stringify(step.lookup.describe(shownArguments(step, args)));
      return { ...about, call: parseJson(this.#runtime.secrets.hideInJson(call)) };
    } catch (thrown) {
      const { code, message } = RecordError.from(thrown).without(this.#runtime.secrets);
      return { ...about, error: { code, message } };
    }
  }

  #plan({ onError, meta }: StreamSettings, onDefect: Plan['onDefect']): Plan {
    const { onMiss, explode } = this.config;
    const named = typeof onError === 'string';
    const immediate = this.#steps.every(({ lookup, repeat }) => lookup.immediate && repeat === undefined);
    return {
      steps: this.#steps,
      immediate,
      onlyStep: this.#steps.length === 1 && meta.length === 0 && !explode ? this.#steps[0] : undefined,
      scan: new MemberScan(this.#members),
      onError: named ? onError : 'annotate',
      fallback: named ? undefined : JSON.stringify(onError.value),
      onMiss,
      explode,
      meta,
      secrets: this.#runtime.secrets,
      onDefect,
    };
  }
}

function oneLine(text: string, lineBytes: number): string | BadLine {
  const bytes = Buffer.byteLength(text);
  if (bytes <= lineBytes) return text.trim();
  const message = `the record has ${bytes} bytes, and limits.lineBytes allows ${lineBytes}`;
  return { code: 'line_too_long', message, input: text.slice(0, 256) };
}
