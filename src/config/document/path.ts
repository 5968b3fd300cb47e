import type { Path } from '../../core/finding.ts';
import { SpelledNumber } from '../../core/json/json-data.ts';

/** `pipelines.flights.enrich[0].into` */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** A path as the key of a map. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof SpelledNumber);
}

/** The value at a path; undefined if there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => {
    if (Array.isArray(at)) return typeof step === 'number' ? at[step] : undefined;
    return isMap(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }, value);
}

/** A copy with another value at a path. Missing maps on the way are made; if a scalar is in the way, nothing changes. */
export function withValue(value: unknown, path: Path, replacement: unknown): unknown {
  const [step, ...below] = path;
  if (step === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((item, index) => (index === step ? withValue(item, below, replacement) : item));
  if (value !== undefined && value !== null && !isMap(value)) return value;
  return { ...value, [step]: withValue(value?.[step], below, replacement) };
}

/** A copy without the value at a path. A value in a list is removed with its list: the other indexes must not move. */
export function withoutValue(value: unknown, path: Path): unknown {
  const [step, ...below] = path;
  if (!isMap(value) || step === undefined || !Object.hasOwn(value, step)) return value;
  const { [step]: inner, ...siblings } = value;
  return below.length === 0 || !isMap(inner) ? siblings : { ...value, [step]: withoutValue(inner, below) };
}
