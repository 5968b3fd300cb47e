import { count } from '../../core/count.ts';
import type { JsonObject } from '../../core/json/json.ts';
import type { Column, Style } from './columns.ts';
import { age } from './figures.ts';
import { type Named, numberAt, perhapsAt, type Seen } from './state.ts';

/** A lookup with layers, and its state in the previous picture. */
export interface LayerRow {
  readonly name: string;
  readonly value: JsonObject;
  readonly before: JsonObject | undefined;
}

/** A column is shown if one of the lookups has its layer. */
interface LayerColumn {
  readonly head: string;
  readonly drop: number;
  /** Undefined if the lookup has no such layer. */
  readonly cell: (row: LayerRow) => string | undefined;
  readonly style?: (row: LayerRow) => Style | undefined;
}

const has = ({ value }: LayerRow, layer: string): boolean => value[layer] !== undefined;

const columns: readonly LayerColumn[] = [
  {
    head: 'breaker',
    drop: 1,
    cell: breakerState,
    style: (row) => (breakerState(row) === 'closed' ? undefined : 'red'),
  },
  {
    head: 'paused',
    drop: 1,
    cell: ({ value }) => {
      const paused = perhapsAt(value, 'pause', 'paused');
      if (paused === undefined) return undefined;
      const ms = perhapsAt(value, 'pause', 'pausedMs');
      return paused === 0 ? 'no' : ms === undefined ? 'yes' : `for ${age(ms)}`;
    },
    style: ({ value }) => (numberAt(value, 'pause', 'paused') > 0 ? 'yellow' : undefined),
  },
  {
    head: 'limit',
    drop: 2,
    cell: (row) =>
      has(row, 'concurrency')
        ? `${count(numberAt(row.value, 'concurrency', 'running'))}/${count(numberAt(row.value, 'concurrency', 'limit'))}`
        : undefined,
  },
  { head: 'cache hits', drop: 2, cell: (row) => (has(row, 'cache') ? percent(hitRatio(row)) : undefined) },
  {
    head: 'coalesced',
    drop: 3,
    cell: (row) => (has(row, 'coalesce') ? count(numberAt(row.value, 'coalesce', 'coalesced')) : undefined),
  },
  {
    head: 'hedges',
    drop: 4,
    cell: (row) => (has(row, 'hedge') ? count(numberAt(row.value, 'hedge', 'made')) : undefined),
  },
  {
    head: 'of a batch',
    drop: 5,
    cell: ({ value }) => {
      const batches = perhapsAt(value, 'batch', 'batches');
      if (batches === undefined) return undefined;
      return batches === 0 ? '-' : (numberAt(value, 'batch', 'requests') / batches).toFixed(1);
    },
  },
];

/** The lookups that have a layer with figures. */
export function layerRows({ lookups }: Seen, before: Seen | undefined): readonly LayerRow[] {
  const earlier = new Map((before?.lookups ?? []).map(({ name, value }: Named) => [name, value]));
  return lookups
    .map(({ name, value }) => ({ name, value, before: earlier.get(name) }))
    .filter((row) => columns.some(({ cell }) => cell(row) !== undefined));
}

/** The columns that at least one of these lookups has something for. */
export function layerColumns(rows: readonly LayerRow[]): readonly Column<LayerRow>[] {
  const used = columns.filter(({ cell }) => rows.some((row) => cell(row) !== undefined));
  return [
    { head: 'layers of', align: 'left', drop: 0, cell: ({ name }) => name, style: () => 'bold' },
    ...used.map(({ cell, ...column }) => ({
      ...column,
      align: 'right' as const,
      cell: (row: LayerRow) => cell(row) ?? '-',
    })),
  ];
}

function breakerState({ value }: LayerRow): string | undefined {
  if (value['breaker'] === undefined) return undefined;
  if (numberAt(value, 'breaker', 'open') > 0) {
    const ms = perhapsAt(value, 'breaker', 'openMs');
    return ms === undefined ? 'open' : `open ${age(ms)}`;
  }
  return numberAt(value, 'breaker', 'half_open') > 0 ? 'half open' : 'closed';
}

const answered = ['hit', 'negative', 'stale'] as const;

/** Since the previous picture; since the start if there is none, or if no request has come since. */
function hitRatio({ value, before }: LayerRow): number | undefined {
  const since = (from: JsonObject | undefined): number | undefined => {
    const grown = (name: string): number =>
      numberAt(value, 'cache', name) - (from === undefined ? 0 : numberAt(from, 'cache', name));
    const hits = answered.reduce((sum, name) => sum + grown(name), 0);
    const requests = hits + grown('miss');
    return requests > 0 && hits >= 0 ? hits / requests : undefined;
  };
  return (before === undefined ? undefined : since(before)) ?? since(undefined);
}

function percent(ratio: number | undefined): string {
  if (ratio === undefined) return '-';
  // Rounded down, so that 100 % means all.
  return `${(Math.floor(ratio * 1000) / 10).toFixed(1)} %`;
}
