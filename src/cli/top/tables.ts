import type { JsonObject } from '../../core/json/json.ts';
import { count } from '../../core/count.ts';
import type { Column, Style } from './columns.ts';
import { age, bytes, latency, rate } from './figures.ts';
import { type Named, numberAt, perhapsAt, textAt } from './state.ts';

/** The columns of the tables of `millrace top`, the most important first. */
const bad =
  <Row>(value: (row: Row) => number, style: Style = 'red') =>
  (row: Row): Style | undefined =>
    value(row) > 0 ? style : undefined;

type Figure<Row> = (row: Row) => number;

function right<Row>(head: string, drop: number, cell: (row: Row) => string, style?: Column<Row>['style']): Column<Row> {
  return { head, align: 'right', drop, cell, ...(style !== undefined && { style }) };
}

function left<Row>(head: string, drop: number, cell: (row: Row) => string, style?: Column<Row>['style']): Column<Row> {
  return { head, align: 'left', drop, cell, ...(style !== undefined && { style }) };
}

const recent =
  (name: string): Figure<Named> =>
  ({ value }) =>
    numberAt(value, 'recent', name);
const perSecond = (head: string, drop: number, name: string, style?: Style): Column<Named> =>
  right(head, drop, (row) => rate(recent(name)(row)), style && bad(recent(name), style));
const quantile = (head: string, drop: number, name: string): Column<Named> =>
  right(head, drop, ({ value }) => latency(perhapsAt(value, 'recent', name)));
const counted = (head: string, drop: number, name: string, style?: Style): Column<Named> =>
  right(
    head,
    drop,
    ({ value }) => count(numberAt(value, name)),
    style && bad(({ value }) => numberAt(value, name), style),
  );

const slots = (from: JsonObject): string => `${count(numberAt(from, 'inFlight'))}/${count(numberAt(from, 'capacity'))}`;

export const pipelineColumns: readonly Column<Named>[] = [
  left(
    'pipeline',
    0,
    ({ name }) => name,
    () => 'bold',
  ),
  right('in/s', 3, (row) => rate(recent('recordsInPerSecond')(row))),
  perSecond('records/s', 0, 'recordsOutPerSecond'),
  perSecond('failed/s', 1, 'errorsPerSecond', 'red'),
  quantile('p50', 2, 'p50Ms'),
  quantile('p99', 1, 'p99Ms'),
  right('in flight', 2, ({ value }) => slots(value)),
  counted('to retry', 4, 'retryWaiting', 'yellow'),
  counted('done', 5, 'completedWaiting'),
];

export const lookupColumns: readonly Column<Named>[] = [
  left(
    'lookup',
    0,
    ({ name }) => name,
    () => 'bold',
  ),
  perSecond('calls/s', 0, 'callsPerSecond'),
  perSecond('failed/s', 1, 'errorsPerSecond', 'red'),
  perSecond('retries/s', 3, 'retriesPerSecond', 'yellow'),
  quantile('p50', 2, 'p50Ms'),
  quantile('p99', 1, 'p99Ms'),
  counted('in flight', 2, 'inFlight'),
  counted('queued', 4, 'queued', 'yellow'),
  counted('connections', 5, 'connections'),
  counted('failed', 6, 'errors'),
];

/** A request, and the lines that are written for it in a second; undefined if the request has no lines. */
export interface StreamRow {
  readonly stream: JsonObject;
  readonly linesPerSecond: number | undefined;
}

const ofStream = (head: string, drop: number, name: string, style?: Style): Column<StreamRow> =>
  right(
    head,
    drop,
    ({ stream }) => (perhapsAt(stream, name) === undefined ? '-' : count(numberAt(stream, name))),
    style && bad(({ stream }) => numberAt(stream, name), style),
  );

const sizeOf = (head: string, drop: number, name: string): Column<StreamRow> =>
  right(head, drop, ({ stream }) => (perhapsAt(stream, name) === undefined ? '-' : bytes(numberAt(stream, name))));

export const streamColumns: readonly Column<StreamRow>[] = [
  left(
    'stream of',
    0,
    ({ stream }) => textAt(stream, 'pipeline'),
    () => 'bold',
  ),
  left('mode', 4, ({ stream }) => textAt(stream, 'mode')),
  right('age', 2, ({ stream }) => age(numberAt(stream, 'ageMs'))),
  right('lines/s', 0, ({ linesPerSecond }) => (linesPerSecond === undefined ? '-' : rate(linesPerSecond))),
  ofStream('read', 6, 'read'),
  ofStream('written', 3, 'written'),
  ofStream('failed', 2, 'errors', 'red'),
  right('in flight', 1, ({ stream }) => (perhapsAt(stream, 'capacity') === undefined ? '-' : slots(stream))),
  ofStream('to retry', 7, 'retryWaiting', 'yellow'),
  ofStream('done', 7, 'completedWaiting'),
  left(
    'held back by',
    1,
    ({ stream }) => textAt(stream, 'backpressure'),
    ({ stream }) => (textAt(stream, 'backpressure') === 'slow_reader' ? 'yellow' : undefined),
  ),
  right(
    'spooled',
    3,
    ({ stream }) => (textAt(stream, 'duplex') === 'half' ? bytes(numberAt(stream, 'spoolBytes')) : '-'),
    bad(({ stream }) => numberAt(stream, 'spoolBytes'), 'yellow'),
  ),
  sizeOf('received', 8, 'receivedBytes'),
  sizeOf('sent', 8, 'sentBytes'),
  left('client', 5, ({ stream }) => textAt(stream, 'client')),
  left('http', 9, ({ stream }) => textAt(stream, 'http')),
  left('request', 10, ({ stream }) => textAt(stream, 'id')),
];

export const errorColumns: readonly Column<JsonObject>[] = [
  right('ago', 1, (error) => age(numberAt(error, 'ageMs'))),
  right('times', 2, (error) => count(numberAt(error, 'count'))),
  left(
    'error',
    0,
    (error) => textAt(error, 'code'),
    () => 'red',
  ),
  left('status', 4, (error) => textAt(error, 'status')),
  left('lookup', 3, (error) => textAt(error, 'lookup')),
  left('pipeline', 5, (error) => textAt(error, 'pipeline')),
  left('message', 0, (error) => textAt(error, 'message')),
];
