import { setImmediate as turn } from 'node:timers/promises';
import type { PipelineConfig, StepConfig } from '../../src/config/schema/schema.ts';
import { Secrets } from '../../src/core/secrets/secrets.ts';
import type { CallContext } from '../../src/core/call/call-context.ts';
import type { RequestError } from '../../src/core/errors.ts';
import { MemoryBudget } from '../../src/core/memory-budget.ts';
import { silentObserver } from '../../src/core/observer/observer.ts';
import { inLaterTurn } from '../../src/core/time/later-turn.ts';
import { virtualClock } from '../../src/core/time/virtual-clock.ts';
import { Answer, type Arguments } from '../../src/lookup/lookup.ts';
import { buildSteps } from '../../src/pipeline/build.ts';
import type { EnrichStream } from '../../src/pipeline/stream/enrich-stream.ts';
import type { Lookup } from '../../src/pipeline/lookups/lookups.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { StreamSettings } from '../../src/pipeline/stream-settings.ts';
import type { StreamSummary } from '../../src/pipeline/stream/tally.ts';

/** A call that a scripted lookup has received, and that the test answers. */
export interface Call {
  readonly args: Arguments;
  readonly context: CallContext;
  answer(json: string | undefined): void;
  fail(error: unknown): void;
}

/** A lookup whose calls the test answers one by one; with `reply` it answers them itself, immediately. */
export class ScriptedLookup implements Lookup {
  readonly name: string;
  readonly calls: Call[] = [];
  readonly immediate: boolean;
  readonly runsUserCode = false;
  largestAnswerBytes = 0;
  readonly #reply: ((args: Arguments) => Answer) | undefined;

  constructor(name: string, reply?: (args: Arguments) => Answer, immediate = false) {
    this.name = name;
    this.#reply = reply;
    this.immediate = immediate;
  }

  readonly call = (args: Arguments, context: CallContext): Answer | Promise<Answer> => {
    if (!this.immediate) context.callBegins();
    return this.#reply === undefined ? this.hold(args, context) : this.#reply(args);
  };

  /** A call that the test answers. */
  hold(args: Arguments, context: CallContext): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.calls.push({ args, context, answer: (json) => resolve(new Answer(json)), fail: reject });
    });
  }

  readonly layers = [];

  waitMs(): number {
    return 0;
  }

  describe(args: Arguments): { args: string } {
    return { args: JSON.stringify(args) };
  }

  async close(): Promise<void> {}
}

export function step(lookup: string, from: string, into: string, more: Partial<StepConfig> = {}): StepConfig {
  return { lookup, with: { key: from }, into, ...more };
}

export function pipelineOf(
  lookups: readonly Lookup[],
  enrich: readonly StepConfig[],
  options: Partial<PipelineConfig> = {},
  clock = virtualClock(),
): { pipeline: Pipeline; clock: ReturnType<typeof virtualClock>; memory: MemoryBudget } {
  const config: PipelineConfig = {
    mode: 'ordered',
    capacity: 100,
    timeout: 10_000,
    enrich: [...enrich],
    onError: 'annotate',
    onMiss: 'null',
    onMissingArgument: 'error',
    onInvalid: 'annotate',
    explode: false,
    meta: [],
    weight: 1,
    duplex: 'auto',
    allow: { parameters: ['mode', 'capacity', 'timeout'], capacity: 100, timeout: 10_000 },
    ...options,
  };
  const steps = buildSteps(config, new Map(lookups.map((lookup) => [lookup.name, lookup])));
  const observer = silentObserver.pipeline('p');
  const memory = new MemoryBudget(Infinity, inLaterTurn);
  const secrets = new Secrets();
  const runtime = { observer, clock, lineBytes: 1 << 20, memory, secrets };
  return { pipeline: new Pipeline('p', config, steps, runtime), clock, memory };
}

/** One stream of a pipeline, with all its output. */
export class Run {
  output = '';
  writes = 0;
  resumed = 0;
  /** The result of the next writes: false = no room. */
  room = true;
  summary: StreamSummary | undefined;
  failure: RequestError | undefined;
  readonly stream: EnrichStream;

  constructor(pipeline: Pipeline, settings: Partial<StreamSettings> = {}) {
    this.stream = pipeline.open(
      { ...pipeline.settings(), ...settings },
      {
        write: (text) => {
          this.output += text;
          this.writes += 1;
          return this.room;
        },
        heldBytes: 0,
        resume: () => {
          this.resumed += 1;
        },
        end: (summary) => {
          this.summary = summary;
        },
        fail: (error) => {
          this.failure = error;
        },
        defect: (error) => {
          throw error;
        },
      },
    );
  }

  push(text: string): boolean {
    return this.stream.push(Buffer.from(text));
  }

  get lines(): string[] {
    return this.output.split('\n').slice(0, -1);
  }
}

/** Resolves when every outcome that is ready has been emitted. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await turn();
}

/** Sends a whole body and returns the lines of output. */
export async function linesOf(
  pipeline: Pipeline,
  body: string,
  settings: Partial<StreamSettings> = {},
): Promise<string[]> {
  const run = new Run(pipeline, settings);
  run.push(body);
  run.stream.endBody();
  await settled();
  return run.lines;
}
