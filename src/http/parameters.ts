import { type Duplex, duplexes, errorPolicies, type MetaField, metaFields, modes } from '../core/vocabulary.ts';
import { RequestError } from '../core/errors.ts';
import { nearestHint } from '../core/nearest.ts';
import { durationMs, durationText } from '../core/options/quantity.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { CheckpointEvery, ControlSettings, StreamSettings } from '../pipeline/stream-settings.ts';
import { MAX_LINE_NUMBER } from '../wire/control.ts';

/** The query parameters of `POST /v1/enrich/{pipeline}`. */
export const parameterNames = [
  'mode',
  'capacity',
  'timeout',
  'onError',
  'meta',
  'control',
  'checkpoint',
  'offset',
  'duplex',
] as const;
/** Parameters that every client may set: they change only how this client reads its stream. */
const alwaysAllowed: readonly ParameterName[] = ['control', 'checkpoint', 'offset', 'duplex'];
type ParameterName = (typeof parameterNames)[number];

/** A shorter interval would bring no new checkpoints. */
const LEAST_CHECKPOINT_MS = 10;
/** 24 hours. Timers of Node.js end at 24.8 days. */
const MOST_CHECKPOINT_MS = 86_400_000;

/**
 * The settings of a pipeline, with those that the query of a request sets. Throws `bad_parameter`, which names the
 * parameter, its value and what is allowed.
 */
export function chosenSettings(
  query: unknown,
  pipeline: Pipeline,
  problem: ControlSettings['problem'],
): StreamSettings {
  const set = setParameters(query, pipeline);
  const defaults = pipeline.settings();
  const { allow } = pipeline.config;
  const mode = set.get('mode');
  const capacity = set.get('capacity');
  const timeout = set.get('timeout');
  const onError = set.get('onError');
  const meta = set.get('meta');
  return {
    ...defaults,
    mode: mode === undefined ? defaults.mode : chosenMode(mode, pipeline),
    capacity:
      capacity === undefined ? Math.min(defaults.capacity, allow.capacity) : chosenCapacity(capacity, allow.capacity),
    timeoutMs: timeout === undefined ? defaults.timeoutMs : chosenTimeout(timeout, allow.timeout),
    onError: onError === undefined ? defaults.onError : oneOf('onError', onError, errorPolicies),
    meta: meta === undefined ? defaults.meta : chosenMeta(meta),
    control: chosenControl(set, problem),
    offset: chosenOffset(set.get('offset')),
  };
}

/** The header that says the same as the parameter `duplex`, for clients whose URL is fixed. */
const duplexHeader = 'millrace-duplex';

/** Whether the client reads while it sends: the parameter says it, or else the header, or else the pipeline. */
export function chosenDuplex(
  query: unknown,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  pipeline: Pipeline,
): Duplex {
  const parameter = setParameters(query, pipeline).get('duplex');
  if (parameter !== undefined) return oneOf('duplex', parameter, duplexes);
  const header = headers[duplexHeader];
  if (header === undefined) return pipeline.config.duplex;
  return oneOf('Millrace-Duplex', String(header).trim(), duplexes);
}

function setParameters(query: unknown, pipeline: Pipeline): ReadonlyMap<ParameterName, string> {
  const set = new Map<ParameterName, string>();
  const allowed: readonly string[] = pipeline.config.allow.parameters;
  for (const [name, value] of Object.entries(typeof query === 'object' && query !== null ? query : {})) {
    const known = parameterNames.find((parameter) => parameter === name);
    if (known === undefined) {
      const { hint, member } = nearestHint(name, parameterNames);
      const unknown = `there is no parameter ${JSON.stringify(name)}; parameters: ${parameterNames.join(', ')}`;
      throw refused(name, value, `${unknown}${hint}`, member);
    }
    if (!allowed.includes(known) && !alwaysAllowed.includes(known)) {
      const open = `only ${[...allowed, ...alwaysAllowed].join(', ')}`;
      throw refused(name, value, `${name} may not be set: pipeline ${pipeline.name} allows ${open}`, {
        limit: [...allowed, ...alwaysAllowed],
      });
    }
    if (typeof value !== 'string') throw refused(name, value, `${name} is set more than once; set it once`);
    set.set(known, value);
  }
  return set;
}

function chosenMode(value: string, { name, config }: Pipeline): StreamSettings['mode'] {
  const mode = oneOf('mode', value, modes);
  if (mode !== 'keyed' || config.key !== undefined) return mode;
  const rule = `pipeline ${name} has no key: set pipelines.${name}.key to the place of the key in a record`;
  throw refused('mode', value, `mode is keyed, but ${rule}`, { limit: modes.filter((other) => other !== 'keyed') });
}

function chosenCapacity(value: string, most: number): number {
  const capacity = /^\d{1,7}$/.test(value) ? Number(value) : 0;
  if (capacity >= 1 && capacity <= most) return capacity;
  throw refused('capacity', value, `capacity is ${value}; a whole number from 1 to ${most} is allowed`, {
    limit: most,
  });
}

/** A timeout of 0 means no bound, and a ceiling of 0 means no ceiling. */
function chosenTimeout(value: string, mostMs: number): number {
  const timeoutMs = durationMs(value);
  if (timeoutMs !== undefined && (mostMs === 0 || (timeoutMs > 0 && timeoutMs <= mostMs))) return timeoutMs;
  const rule =
    mostMs === 0
      ? 'a duration such as 500ms, or 0 for none,'
      : `a duration such as 500ms, up to ${durationText(mostMs)},`;
  throw refused('timeout', value, `timeout is ${value}; ${rule} is allowed`, { limit: `${mostMs}ms` });
}

function chosenMeta(value: string): readonly MetaField[] {
  return value === '' ? [] : value.split(',').map((field) => oneOf('meta', field.trim(), metaFields));
}

function chosenControl(
  set: ReadonlyMap<ParameterName, string>,
  problem: ControlSettings['problem'],
): ControlSettings | undefined {
  const control = set.get('control');
  const checkpoint = set.get('checkpoint');
  if (control !== undefined && oneOf('control', control, ['true', 'false']) === 'true') {
    return { checkpoint: checkpoint === undefined ? undefined : chosenCheckpoint(checkpoint), problem };
  }
  if (checkpoint === undefined) return undefined;
  throw refused('checkpoint', checkpoint, 'checkpoint needs control=true, because a checkpoint is a control line');
}

function chosenCheckpoint(value: string): CheckpointEvery {
  const lines = /^\d{1,15}$/.test(value) ? Number(value) : 0;
  if (lines >= 1) return { lines };
  const ms = durationMs(value) ?? 0;
  if (ms >= LEAST_CHECKPOINT_MS && ms <= MOST_CHECKPOINT_MS) return { ms };
  const rule = `a number of lines from 1, or a duration from ${LEAST_CHECKPOINT_MS}ms to 24h, is allowed`;
  throw refused('checkpoint', value, `checkpoint is ${value}; ${rule}`);
}

function chosenOffset(value: string | undefined): number {
  if (value === undefined) return 0;
  const offset = /^\d{1,16}$/.test(value) ? Number(value) : -1;
  if (offset >= 0 && offset <= MAX_LINE_NUMBER) return offset;
  throw refused('offset', value, `offset is ${value}; a line number from 0 to ${MAX_LINE_NUMBER} is allowed`, {
    limit: MAX_LINE_NUMBER,
  });
}

/** Refuses parameters that only a stream can have. The header `Millrace-Duplex`, which a client may always send, is none. */
export function refuseStreamParameters(query: unknown, { control, offset }: StreamSettings): void {
  const rule = 'is for a stream, and a body of application/json is one record';
  if (control !== undefined) throw refused('control', 'true', `control ${rule}`);
  if (offset > 0) throw refused('offset', String(offset), `offset ${rule}`);
  const duplex = typeof query === 'object' && query !== null && 'duplex' in query ? query.duplex : undefined;
  if (duplex !== undefined) throw refused('duplex', duplex, `duplex ${rule}`);
}

function oneOf<Value extends string>(name: string, value: string, values: readonly Value[]): Value {
  const found = values.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  const { hint, member } = nearestHint(value, values);
  throw refused(name, value, `${name} is ${value}; ${values.join(', ')} are allowed${hint}`, {
    limit: values,
    ...member,
  });
}

function refused(parameter: string, value: unknown, detail: string, extra: object = {}): RequestError {
  return new RequestError('bad_parameter', detail, { parameter, value, ...extra });
}
