import { ExpressionError } from '../frame.ts';
import { secondNanos } from '../value.ts';

const millisecondNanos = 1_000_000n;
const dayMs = 86_400_000;
/** Longer text is not a duration: so many characters hold hours with every digit of an int, and all smaller units. */
const maxDurationLength = 200;

const unitNanos = new Map([
  ['h', 3600n * secondNanos],
  ['m', 60n * secondNanos],
  ['s', secondNanos],
  ['ms', millisecondNanos],
  ['us', 1000n],
  ['µs', 1000n],
  ['μs', 1000n],
  ['ns', 1n],
]);

/** Nanoseconds of a duration as Go writes them: `1h30m`, `-1.5s`. Throws ExpressionError. */
export function parseDuration(text: string): bigint {
  const whole =
    text.length <= maxDurationLength
      ? /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+|0)$/.exec(text)
      : null;
  if (whole === null) throw new ExpressionError('the text is not a duration such as "1h30m" or "1.5s"');
  let nanos = 0n;
  for (const [, number = '', unit = ''] of (whole[2] ?? '').matchAll(/([\d.]+)(h|ms|m|s|us|µs|μs|ns)/g)) {
    const [units = '', fraction = ''] = number.split('.');
    const nanosPerUnit = unitNanos.get(unit) ?? 0n;
    nanos += BigInt(units) * nanosPerUnit;
    if (fraction !== '') nanos += (BigInt(fraction) * nanosPerUnit) / 10n ** BigInt(fraction.length);
  }
  return whole[1] === '-' ? -nanos : nanos;
}

/** The form of protobuf's JSON: seconds with as many decimals as are needed, and `s`. */
export function spellDuration(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  return `${nanos < 0n ? '-' : ''}${size / secondNanos}${spellFraction(size % secondNanos)}s`;
}

/** Nanoseconds since 1970 of a time in the form of RFC 3339. Throws ExpressionError. */
export function parseTimestamp(text: string): bigint {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (parts === null) throw new ExpressionError('the text is not a time such as "2026-01-31T09:30:00Z"');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!real) throw new ExpressionError('there is no such day or time');
  date.setUTCHours(hour, minute, second);
  const fraction = BigInt((parts[7] ?? '').padEnd(9, '0'));
  return BigInt(date.getTime() - offsetMs(parts[8] ?? 'Z')) * millisecondNanos + fraction;
}

export function spellTimestamp(nanos: bigint): string {
  const fraction = ((nanos % secondNanos) + secondNanos) % secondNanos;
  const seconds = new Date(Number((nanos - fraction) / millisecondNanos)).toISOString().slice(0, 19);
  return `${seconds}${spellFraction(fraction)}Z`;
}

function spellFraction(nanos: bigint): string {
  return nanos === 0n ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}

/** Milliseconds east of UTC: `Z`, `+02:00`, `02:00`. */
function offsetMs(text: string): number {
  const parts = /^([+-]?)(\d\d):(\d\d)$/.exec(text);
  if (parts === null) return 0;
  const ms = (Number(parts[2]) * 60 + Number(parts[3])) * 60_000;
  return parts[1] === '-' ? -ms : ms;
}

/** A date whose UTC fields are those of the time in a zone: UTC, `+02:00`, or a name such as `Europe/Berlin`. */
export function inZone(nanos: bigint, zone: string | undefined): Date {
  const fraction = ((nanos % millisecondNanos) + millisecondNanos) % millisecondNanos;
  const ms = Number((nanos - fraction) / millisecondNanos);
  if (zone === undefined || zone === 'UTC') return new Date(ms);
  if (/^[+-]?\d\d:\d\d$/.test(zone)) return new Date(ms + offsetMs(zone));
  const fields = new Map<string, number>();
  for (const { type, value } of formatOf(zone).formatToParts(ms)) fields.set(type, Number(value));
  const field = (name: string): number => fields.get(name) ?? 0;
  const date = new Date(0);
  date.setUTCFullYear(field('year'), field('month') - 1, field('day'));
  date.setUTCHours(field('hour'), field('minute'), field('second'), ((ms % 1000) + 1000) % 1000);
  return date;
}

/** Days since the first of January. */
export function dayOfYear(date: Date): number {
  const first = new Date(date);
  first.setUTCMonth(0, 1);
  return Math.round((date.getTime() - first.getTime()) / dayMs);
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** Zones that are kept; there are fewer than 500 names. */
const maxFormats = 600;

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US-u-ca-gregory', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    throw new ExpressionError('there is no such time zone');
  }
  if (formats.size < maxFormats) formats.set(zone, format);
  return format;
}
