import type { Finding, Path } from '../../core/finding.ts';
import { resolve } from 'node:path';
import type { CallContext } from '../../core/call/call-context.ts';
import { RecordError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json/json.ts';
import { type JsonData, plainData, SpelledNumber } from '../../core/json/json-data.ts';
import { thrownMessage } from '../../core/thrown.ts';
import { argumentsKey } from '../../lookup/arguments-key.ts';
import { type Arguments, type LookupService, RawJson } from '../../lookup/lookup.ts';
import { type RuntimeContext, runtimeContext } from '../../operator/runtime-context.ts';
import type { Connector, ConnectorBatch, ConnectorDefinition, ConnectorRuntime } from '../connector.ts';
import { timeLeft } from '../call-outcome.ts';
import { ModuleCall, ModuleManyCall } from './module-call.ts';
import { loadFunction, type ModuleFunction } from './module-function.ts';
import { moduleOptions, type ModuleOptions } from './module-options.ts';

/** The size of an answer of a function has no small bound; larger answers than this are rare. */
const ASSUMED_ANSWER_BYTES = 64 * 1024;

/**
 * Calls a user's function, which is trusted: it runs in this process.
 *
 * It is loaded and opened before the first call and closed after the last one, each once; one instance serves all
 * streams. An error that it throws is `function_error` of that record.
 */
export const module: ConnectorDefinition<ModuleOptions> = {
  name: 'module',
  tellsFreshness: false,
  schema: moduleOptions,
  parameters: () => undefined,
  findings: ({ parameters }) => lossyNumbers(parameters, ['parameters']),
  files: ({ file }) => [file],
  watchesFiles: true,
  create: moduleConnector,
};

function moduleConnector(options: ModuleOptions, runtime: ConnectorRuntime, batch?: ConnectorBatch): Connector {
  const { lookup, clock, observer, baseDir, metrics, logger, generation } = runtime;
  const { maxResponseBytes } = options;
  let opened: ModuleFunction | undefined;

  return {
    immediate: false,
    runsUserCode: true,
    requestKey: argumentsKey,
    largestAnswerBytes: ASSUMED_ANSWER_BYTES,
    call(args, context) {
      if (opened === undefined) throw new Error(`lookup "${lookup}" is not open`);
      const startedMs = clock.now();
      timeLeft(lookup, context, startedMs);
      const call = new ModuleCall(lookup, maxResponseBytes, (outcome) =>
        observer.called(outcome, clock.now() - startedMs),
      );
      return call.call(opened.invoke, valuesOf(lookup, args), context);
    },
    ...(batch !== undefined && {
      callMany(requests: readonly Arguments[], context: CallContext) {
        const invokeMany = opened?.invokeMany;
        if (invokeMany === undefined) throw new Error(`lookup "${lookup}" is not open`);
        const startedMs = clock.now();
        timeLeft(lookup, context, startedMs);
        const call = new ModuleManyCall(requests.length, lookup, maxResponseBytes, (outcome) =>
          observer.called(outcome, clock.now() - startedMs),
        );
        return call.call(
          invokeMany,
          requests.map((args) => valuesOf(lookup, args)),
          context,
        );
      },
    }),
    get onTimeout(): LookupService | undefined {
      const hook = opened?.onTimeout;
      if (hook === undefined) return undefined;
      // The call has been counted already, so the hook is not counted.
      return (args, context) =>
        new ModuleCall(lookup, maxResponseBytes, () => {}).call(hook, valuesOf(lookup, args), context);
    },
    span: { name: lookup, attributes: {} },
    describe: (args) => ({ file: options.file, arguments: valuesOf(lookup, args) }),
    async reach() {
      return `loaded and opened ${options.file}`;
    },
    async open() {
      try {
        const context = runtimeContext({ taskName: lookup, parameters: parametersOf(options), metrics, logger });
        opened = await openFunction(resolve(baseDir, options.file), generation, batch !== undefined, context);
      } catch (cause) {
        throw new Error(`lookup "${lookup}": module ${options.file}: ${thrownMessage(cause)}`, { cause });
      }
    },
    async close() {
      const closing = opened;
      opened = undefined;
      await closing?.close().catch((thrown: unknown) => {
        // The error has no cause: a value that a user throws may throw again when the log reads it.
        throw new Error(`lookup "${lookup}": module ${options.file}: close failed: ${thrownMessage(thrown)}`);
      });
    },
  };
}

async function openFunction(
  file: string,
  generation: number,
  batched: boolean,
  runtime: RuntimeContext,
): Promise<ModuleFunction> {
  const loaded = await loadFunction(file, generation, batched);
  try {
    await loaded.open(runtime);
  } catch (cause) {
    // `close` also follows a failure (semantics F2); the first failure is the one to report.
    await loaded.close().catch(() => {});
    throw new Error(`open failed: ${thrownMessage(cause)}`, { cause });
  }
  return loaded;
}

function parametersOf({ parameters }: ModuleOptions): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, plainData(value)]));
}

/** A function gets numbers of JavaScript, so a number that JavaScript does not have is a mistake. */
function lossyNumbers(value: JsonData, path: Path): Finding[] {
  if (value instanceof SpelledNumber) {
    const message = `JavaScript has no number ${value.source}: write it in quotes, and the function gets it as text`;
    return value.lossy ? [{ path, message }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  const list = Array.isArray(value);
  return Object.entries(value).flatMap(([name, member]) => lossyNumbers(member, [...path, list ? Number(name) : name]));
}

/** A new object for each call: the function may change it. */
function valuesOf(lookup: string, args: Arguments): JsonObject {
  try {
    return Object.fromEntries(
      Object.entries(args).map(([name, argument]) => [name, argument instanceof RawJson ? argument.value : argument]),
    );
  } catch (error) {
    throw RecordError.from(error).with({ lookup });
  }
}
