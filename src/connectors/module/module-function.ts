import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { thrownMessage, thrownName } from '../../core/thrown.ts';
import {
  isAsyncFunction,
  isThenable,
  type AsyncContext,
  type AsyncFn,
  type AsyncFunction,
} from '../../operator/async-function.ts';
import type { SettledResult } from '../../operator/call-result.ts';
import type { RichFunction } from '../../operator/rich-function.ts';
import type { RuntimeContext } from '../../operator/runtime-context.ts';

/** The arguments of a call, as values that a function can work with. */
type ModuleInput = Record<string, unknown>;

/** An AsyncFunction that may have something to open and to close. */
type OpenedFunction = AsyncFunction<ModuleInput, unknown> & Partial<RichFunction>;

/** Calls a function. A promise that it returns may fail the call, but not complete it. */
export type ModuleCallee<Input = ModuleInput> = (
  input: Input,
  result: SettledResult<unknown>,
  context: AsyncContext,
) => unknown;

/** A user's function, in one shape. */
export interface ModuleFunction {
  readonly invoke: ModuleCallee;
  /** Undefined unless the module exports `lookupMany`. */
  readonly invokeMany: ModuleCallee<readonly ModuleInput[]> | undefined;
  /** Undefined if the function has no `timeout`. */
  readonly onTimeout: ModuleCallee | undefined;
  open(runtime: RuntimeContext): Promise<void>;
  close(): Promise<void>;
}

/**
 * Loads an ES module once for each generation, so that a later one shares no state with an earlier one that is not closed
 * yet. Modules that it imports itself are loaded once a process. With `batched` it is the module of a lookup that has a
 * batch. Throws Error that says what is wrong with the module.
 */
export async function loadFunction(file: string, generation: number, batched: boolean): Promise<ModuleFunction> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) throw new Error('there is no such file');
  const exports = await importModule(file, generation);
  return batched ? functionOfMany(exports) : functionOf(exports);
}

async function importModule(file: string, generation: number): Promise<Readonly<Record<string, unknown>>> {
  try {
    const url = pathToFileURL(file);
    if (generation > 1) url.searchParams.set('generation', String(generation));
    const loaded: Readonly<Record<string, unknown>> = await import(url.href);
    return loaded;
  } catch (cause) {
    if (!types.isNativeError(cause))
      throw new Error(`it threw while it was loaded: ${thrownMessage(cause)}`, { cause });
    // Node shows the line of a syntax error only if nothing catches it.
    const where = cause instanceof SyntaxError ? ` (node --check ${file} shows the line)` : '';
    throw new Error(`it cannot be loaded: ${thrownName(cause)}: ${thrownMessage(cause)}${where}`, { cause });
  }
}

/** Throws Error if neither `default` nor `lookup` is a function of one of the styles. */
function functionOf(exports: Readonly<Record<string, unknown>>): ModuleFunction {
  const name = 'default' in exports ? 'default' : 'lookup';
  const exported = exports[name];
  if (isClassOfCallbackStyle(exported)) return callbackStyle(new exported());
  if (isCallbackStyle(exported)) return callbackStyle(exported);
  if (isPlain(exported)) return plain(exported);
  const expected =
    'expected a default export (or one named lookup) that is an async function, an object with asyncInvoke, or a class of such';
  const many = 'lookupMany' in exports ? '; lookupMany is called if the lookup has a batch' : '';
  throw new Error(`${expected}; ${foundIn(exports, name)}${many}`);
}

/** The default export is optional beside `lookupMany`: its `open` and `close` are called. */
function functionOfMany(exports: Readonly<Record<string, unknown>>): ModuleFunction {
  const { lookupMany } = exports;
  if (!isPlainOfMany(lookupMany)) {
    const found = foundIn(exports, 'lookupMany');
    throw new Error(
      `expected an export lookupMany that is an async function, because the lookup has a batch; ${found}`,
    );
  }
  const one = 'default' in exports || 'lookup' in exports ? functionOf(exports) : plain(async () => []);
  return { ...one, invokeMany: settledBy(lookupMany) };
}

function foundIn(exports: Readonly<Record<string, unknown>>, name: string): string {
  if (name in exports) return `its export ${name} is ${kindOf(exports[name])}`;
  const names = Object.keys(exports);
  return names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`;
}

function isPlainOfMany(value: unknown): value is AsyncFn<readonly ModuleInput[], unknown> {
  return typeof value === 'function';
}

function isPlain(value: unknown): value is AsyncFn<ModuleInput, unknown> {
  return typeof value === 'function';
}

function isCallbackStyle(value: unknown): value is OpenedFunction {
  return isAsyncFunction(value);
}

function isClassOfCallbackStyle(value: unknown): value is new () => OpenedFunction {
  return typeof value === 'function' && isAsyncFunction(value.prototype);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object without asyncInvoke' : `a ${typeof value}`;
}

function plain(fn: AsyncFn<ModuleInput, unknown>): ModuleFunction {
  const { timeout } = fn;
  return {
    invoke: settledBy(fn),
    invokeMany: undefined,
    onTimeout: typeof timeout === 'function' ? settledBy(timeout) : undefined,
    async open() {},
    async close() {},
  };
}

function settledBy<Input>(fn: (input: Input, context: AsyncContext) => unknown): ModuleCallee<Input> {
  return (input, result, context) => {
    // What it returns may be anything; the call checks whether it is a collection.
    const returned = fn(input, context) as Iterable<unknown> | PromiseLike<Iterable<unknown>>;
    if (!isThenable(returned)) return result.settle(returned);
    returned.then(
      (values) => result.settle(values),
      (error: unknown) => result.completeExceptionally(error),
    );
    return undefined;
  };
}

function callbackStyle(fn: OpenedFunction): ModuleFunction {
  return {
    invoke: (input, result, context) => fn.asyncInvoke(input, result, context),
    invokeMany: undefined,
    onTimeout:
      fn.timeout === undefined
        ? undefined
        : // It may complete later. The layer that calls it bounds its time (semantics T2).
          (input, result, context) => fn.timeout?.(input, result, context),
    async open(runtime) {
      await fn.open?.(runtime);
    },
    async close() {
      await fn.close?.();
    },
  };
}
