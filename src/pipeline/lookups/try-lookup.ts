import { Cancellation } from '../../core/call/cancellation.ts';
import { RecordError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/time.ts';
import type { LookupConfig } from '../../config/schema/schema.ts';
import { connectorOf } from '../../connectors/registry.ts';
import type { Arguments } from '../../lookup/lookup.ts';
import { oneOfMany } from '../../lookup/one-of-many.ts';
import { timeout } from '../../lookup/timeout.ts';
import { type LayerList, lookupLayers } from './layers.ts';
import { type LookupRuntime, type OpenedLookup, openLookup } from './lookups.ts';

/** The outcome of trying a lookup once. */
export interface Trial {
  readonly lookup: string;
  readonly connector: string;
  readonly ok: boolean;
  /** `call` if there were arguments for it, else `reach`. */
  readonly tried: 'reach' | 'call';
  /** Duration of the connection or of the call; of opening the lookup, if that failed. */
  readonly ms: number;
  /** What was reached or answered, or what is wrong. */
  readonly detail: string;
}

/** The time of an attempt if the lookup has no `timeout`. */
const attemptMs = 10_000;
/** Reading a table and opening a module are not attempts: the `timeout` of the lookup does not bound them. */
const openMs = 30_000;

/** The layers of a call for one record: no cache, no retry, and no wait for others. */
const alone: LayerList = { ...lookupLayers, record: [], batch: () => ({ name: 'batch', over: oneOfMany }) };

/**
 * Opens a lookup, tries its far end and closes it again. With `args` it is called as for a record, once, through the
 * layers of a call. Without `args` no request is sent. Never rejects.
 */
export async function tryLookup(
  name: string,
  config: LookupConfig,
  args: Arguments | undefined,
  runtime: LookupRuntime,
): Promise<Trial> {
  const { clock } = runtime;
  const bounded = { ...config, timeout: config.timeout ?? attemptMs };
  const tried = args === undefined ? 'reach' : 'call';
  const about = { lookup: name, connector: connectorOf(config).name, tried } as const;
  const openedAt = clock.now();
  let lookup: OpenedLookup;
  try {
    lookup = await within(clock, 'open', openLookup(name, bounded, runtime, alone));
  } catch (error) {
    return { ...about, ok: false, ms: clock.now() - openedAt, detail: reason(error) };
  }
  const work = args === undefined ? reach(lookup, clock, bounded.timeout) : call(lookup, args);
  const trial = { ...about, ...(await timed(clock, work)) };
  try {
    await within(clock, 'close', lookup.close());
    return trial;
  } catch (error) {
    // The first failure is the one to report.
    return trial.ok ? { ...trial, ok: false, detail: reason(error) } : trial;
  }
}

async function timed(clock: Clock, work: Promise<string>): Promise<Pick<Trial, 'ok' | 'ms' | 'detail'>> {
  const began = clock.now();
  try {
    const detail = await work;
    return { ok: true, ms: clock.now() - began, detail };
  } catch (error) {
    return { ok: false, ms: clock.now() - began, detail: reason(error) };
  }
}

async function reach(lookup: OpenedLookup, clock: Clock, timeoutMs: number): Promise<string> {
  const bounded = timeout<null, string>({ timeoutMs, clock })((_, context) => lookup.reach(context));
  return bounded(null, new Cancellation());
}

async function call(lookup: OpenedLookup, args: Arguments): Promise<string> {
  const { json } = await lookup.call(args, new Cancellation());
  return json === undefined
    ? 'has no answer for these arguments (a miss)'
    : `answered, ${Buffer.byteLength(json)} bytes`;
}

function within<Result>(clock: Clock, phase: 'open' | 'close', work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const disarm = clock.setTimer(openMs, () => reject(new Error(`${phase} did not end within ${openMs / 1000} s`)));
    void work.then(resolve, reject).finally(disarm);
  });
}

function reason(error: unknown): string {
  if (error instanceof RecordError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
