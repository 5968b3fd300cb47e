/** Durations and sizes: one number and one unit, without a sign; the number may have a fraction (`1.5s`). */
const msPerUnit = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

const bytesPerUnit = new Map([
  ['', 1],
  ['B', 1],
  ['KB', 1e3],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

export const durationPattern = /^(?:0|(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h))$/;
export const sizePattern = /^(\d{1,15}(?:\.\d{1,6})?)(B|[Kk]B|MB|GB|KiB|MiB|GiB)?$/;

/** Milliseconds of `250ms`, `5s`, `2m`, `1h` or `0`; undefined for any other text. */
export function durationMs(text: string): number | undefined {
  const match = durationPattern.exec(text);
  return match === null ? undefined : scaled(match[1] ?? '0', msPerUnit.get(match[2] ?? 'ms'));
}

/** The shortest text of a duration: `10s` of 10000, `1500ms` of 1500, `0` of 0. `durationMs` reads it. */
export function durationText(ms: number): string {
  if (ms === 0) return '0';
  const [unit, factor] = [...msPerUnit].findLast(([, unitMs]) => ms % unitMs === 0) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}

/** Whole bytes of `64KiB`, `1MiB`, `10MB` or `512`; undefined for any other text, and above 2^53. */
export function sizeBytes(text: string): number | undefined {
  const match = sizePattern.exec(text);
  const bytes = match === null ? undefined : scaled(match[1] ?? '0', bytesPerUnit.get(match[2] ?? ''));
  return bytes !== undefined && bytes <= Number.MAX_SAFE_INTEGER ? Math.floor(bytes) : undefined;
}

function scaled(digits: string, factor: number | undefined): number | undefined {
  return factor === undefined ? undefined : Number(digits) * factor;
}
