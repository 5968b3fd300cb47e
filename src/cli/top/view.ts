import { count } from '../../core/count.ts';
import { spoolRefusals } from '../../core/vocabulary.ts';
import { type Column, cut, type Paint, printable, tableLines } from './columns.ts';
import { age, bytes, rate } from './figures.ts';
import { layerColumns, layerRows } from './layer-columns.ts';
import { numberAt, type Seen, textAt, withoutUser } from './state.ts';
import { errorColumns, lookupColumns, pipelineColumns, type StreamRow, streamColumns } from './tables.ts';

export interface Frame {
  readonly url: URL;
  readonly seen: Seen;
  /** The state before, for the rates of streams. Without it a rate is over the whole age of a stream. */
  readonly before: Seen | undefined;
  /** Why the service does not answer any more. */
  readonly failure: string | undefined;
}

export interface Size {
  /** Characters of a line; Infinity without a limit. */
  readonly columns: number;
  readonly rows: number;
}

/** One picture of the service: at most `rows` lines, none wider than `columns`. */
export function view(frame: Frame, { columns: width, rows: height }: Size, paint: Paint): readonly string[] {
  const { seen } = frame;
  const table = <Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Section => ({
    needs: rows.length,
    lines: (most) => {
      const shown = rows.length <= most ? rows : rows.slice(0, most - 1);
      const lines = tableLines(columns, shown, width, paint);
      return rows.length <= most ? lines : [...lines, paint('dim', cut(`… ${rows.length - shown.length} more`, width))];
    },
  });
  const rows = layerRows(seen, frame.before);
  const layers = table(layerColumns(rows), rows);
  const head = header(frame, width, paint);
  const all = [
    table(pipelineColumns, seen.pipelines),
    table(lookupColumns, seen.lookups),
    layers,
    table(streamColumns, busiestFirst(frame)),
    table(errorColumns, seen.errors),
  ].filter(({ needs }) => needs > 0);
  // A low terminal has no room for the layers.
  const sections = all.length > mostSections(height - head.length) ? all.filter((one) => one !== layers) : all;
  return [...head, ...stacked(sections, height - head.length)].slice(0, height);
}

interface Section {
  /** Rows below its head. */
  readonly needs: number;
  readonly lines: (most: number) => readonly string[];
}

/** Lines above the rows of a section: an empty line and the head of the table. */
const above = 2;

/** Sections of one row that fit. */
const mostSections = (height: number): number => Math.max(0, Math.floor(height / (above + 1)));

/** As many sections as fit, in their order. The height is shared so that small sections are complete. */
function stacked(sections: readonly Section[], height: number): readonly string[] {
  const fitting = sections.slice(0, mostSections(height));
  let free = height - above * fitting.length;
  const most = new Map<Section, number>();
  for (const [index, section] of fitting.toSorted((a, b) => a.needs - b.needs).entries()) {
    const share = Math.min(section.needs, Math.floor(free / (fitting.length - index)));
    most.set(section, share);
    free -= share;
  }
  return fitting.flatMap((section) => ['', ...section.lines(most.get(section) ?? 0)]);
}

function header({ url, seen, failure }: Frame, width: number, paint: Paint): readonly string[] {
  const { state, streams, pipelines } = seen;
  const draining = state['draining'] === true;
  const title = `millrace ${textAt(state, 'version')}  ${withoutUser(url)}  up ${age(numberAt(state, 'uptimeMs'))}`;
  const sum = (name: string): number =>
    pipelines.reduce((total, { value }) => total + numberAt(value, 'recent', name), 0);
  const held = (name: string): number => pipelines.reduce((total, { value }) => total + numberAt(value, name), 0);
  const windowMs = Math.max(0, ...pipelines.map(({ value }) => numberAt(value, 'recent', 'windowMs')));
  const figures = [
    `${rate(sum('recordsOutPerSecond'))} records/s`,
    `${rate(sum('errorsPerSecond'))} failed/s`,
    `in the last ${age(windowMs)}`,
    `${count(streams.length)} ${streams.length === 1 ? 'stream' : 'streams'}`,
    `${count(held('inFlight'))} in flight`,
    ...spooled(seen),
    ...(draining ? ['draining'] : []),
  ].join('  ');
  const first = paint('bold', cut(printable(title), width));
  const second = draining ? paint('yellow', cut(figures, width)) : cut(figures, width);
  return failure === undefined ? [first, second] : [first, second, paint('red', cut(printable(failure), width))];
}

/** Output that waits for clients which read later, and streams that were cut because it could not be kept. Empty if never. */
function spooled({ state }: Seen): readonly string[] {
  const at = (name: string): number => numberAt(state, 'spool', name);
  const refused = spoolRefusals.reduce((sum, reason) => sum + numberAt(state, 'spool', 'refused', reason), 0);
  return [
    ...(at('streams') > 0 || at('bytes') > 0
      ? [`${bytes(at('bytes'))} of ${bytes(at('limitBytes'))} spooled for ${count(at('streams'))}`]
      : []),
    ...(refused > 0 ? [`${count(refused)} cut with spool_full`] : []),
  ];
}

/** Two requests may have the same `X-Request-Id`, but not the same number; a service that was started again counts anew. */
const keyOf = (stream: Seen['streams'][number]): string => `${numberAt(stream, 'number')} ${textAt(stream, 'id')}`;

function busiestFirst({ seen, before }: Frame): readonly StreamRow[] {
  const earlier = new Map((before?.streams ?? []).map((stream) => [keyOf(stream), numberAt(stream, 'written')]));
  const seconds = before === undefined ? 0 : (seen.atMs - before.atMs) / 1000;
  const rows = seen.streams.map((stream): StreamRow => {
    if (!('written' in stream)) return { stream, linesPerSecond: undefined };
    const written = numberAt(stream, 'written');
    const then = earlier.get(keyOf(stream));
    if (then !== undefined && seconds > 0) return { stream, linesPerSecond: (written - then) / seconds };
    return { stream, linesPerSecond: (1000 * written) / Math.max(1, numberAt(stream, 'ageMs')) };
  });
  return rows.toSorted((a, b) => (b.linesPerSecond ?? -1) - (a.linesPerSecond ?? -1));
}
