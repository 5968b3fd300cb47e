import type { Frame } from '../frame.ts';
import { method, type Overload } from '../overload.ts';
import { durationType, timestampType } from '../value.ts';
import { dayOfYear, inZone } from './time-text.ts';

/** Steps to read a field of a time in a named zone; the first use of a zone takes up to 100 microseconds. */
const stepsForZone = 2000;

const fields: readonly (readonly [name: string, read: (date: Date) => number])[] = [
  ['getFullYear', (date) => date.getUTCFullYear()],
  ['getMonth', (date) => date.getUTCMonth()],
  ['getDate', (date) => date.getUTCDate()],
  ['getDayOfMonth', (date) => date.getUTCDate() - 1],
  ['getDayOfWeek', (date) => date.getUTCDay()],
  ['getDayOfYear', dayOfYear],
  ['getHours', (date) => date.getUTCHours()],
  ['getMinutes', (date) => date.getUTCMinutes()],
  ['getSeconds', (date) => date.getUTCSeconds()],
  ['getMilliseconds', (date) => date.getUTCMilliseconds()],
];

const spans: readonly (readonly [name: string, nanos: bigint])[] = [
  ['getHours', 3_600_000_000_000n],
  ['getMinutes', 60_000_000_000n],
  ['getSeconds', 1_000_000_000n],
];

/** `timestamp.getHours("Europe/Berlin")` and the like. */
export const times: readonly Overload[] = [
  ...fields.flatMap(([name, read]) => [
    method(name, [timestampType], 'int', (_, { nanos }) => BigInt(read(inZone(nanos, undefined)))),
    method(name, [timestampType, 'string'], 'int', (frame: Frame, { nanos }, zone) => {
      frame.spend(stepsForZone);
      return BigInt(read(inZone(nanos, zone)));
    }),
  ]),
  ...spans.map(([name, unit]) => method(name, [durationType], 'int', (_, { nanos }) => nanos / unit)),
  // The milliseconds of a duration beyond its whole seconds.
  method('getMilliseconds', [durationType], 'int', (_, { nanos }) => (nanos % 1_000_000_000n) / 1_000_000n),
];
