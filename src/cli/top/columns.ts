import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/** Text in a style, or unchanged without colours. */
export type Paint = (style: Style, text: string) => string;

export function painter(color: boolean): Paint {
  return (style, text) => (color ? styleText(style, text, { validateStream: false }) : text);
}

export interface Column<Row> {
  readonly head: string;
  readonly align: 'left' | 'right';
  /** A column with 0 is never dropped. Of the others, the one with the highest number is dropped first. */
  readonly drop: number;
  readonly cell: (row: Row) => string;
  readonly style?: (row: Row) => Style | undefined;
}

const gap = '  ';

/**
 * A head and a line for each row, none wider than `width` characters.
 *
 *     pipeline  records/s  in flight  client
 *     flights       9,871   100/100   127.0.0.1:40312
 *                                     └ too narrow: the least important column is dropped first, then text is cut
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  paint: Paint,
): readonly string[] {
  const cells = new Map(columns.map((column) => [column, rows.map((row) => printable(column.cell(row)))]));
  const widthOf = (column: Column<Row>): number =>
    Math.max(lengthOf(column.head), ...(cells.get(column) ?? []).map((cell) => lengthOf(cell)));
  const shown = fitting(columns, widthOf, width);
  const line = (
    textOf: (column: Column<Row>) => string,
    styleOf: (column: Column<Row>) => Style | undefined,
  ): string => {
    let free = width;
    const parts: string[] = [];
    for (const column of shown) {
      const padding = ' '.repeat(Math.max(0, widthOf(column) - lengthOf(textOf(column))));
      const last = column === shown.at(-1);
      const before = (parts.length === 0 ? '' : gap) + (column.align === 'right' ? padding : '');
      const text = cut(textOf(column), free - before.length);
      if (text === '' && before.length >= free) break;
      const style = styleOf(column);
      const after = column.align === 'left' && !last ? padding : '';
      parts.push(before + (style === undefined ? text : paint(style, text)) + after);
      free -= before.length + lengthOf(text) + after.length;
    }
    return parts.join('').trimEnd();
  };
  return [
    line(
      ({ head }) => head,
      () => 'dim',
    ),
    ...rows.map((row, index) =>
      line(
        (column) => cells.get(column)?.[index] ?? '',
        (column) => column.style?.(row),
      ),
    ),
  ];
}

function fitting<Row>(
  columns: readonly Column<Row>[],
  widthOf: (column: Column<Row>) => number,
  width: number,
): readonly Column<Row>[] {
  let shown = columns;
  for (;;) {
    const total = shown.reduce((sum, column) => sum + widthOf(column) + gap.length, -gap.length);
    const most = Math.max(...shown.map(({ drop }) => drop));
    if (total <= width || most === 0) return shown;
    const dropped = shown.findLast(({ drop }) => drop === most);
    shown = shown.filter((column) => column !== dropped);
  }
}

/** The length in code points. A wide character may take two places; the terminal cuts it at its edge. */
const lengthOf = (text: string): number => Array.from(text).length;

/** The beginning of a text, with … at the end if it was cut. */
export function cut(text: string, width: number): string {
  if (lengthOf(text) <= width) return text;
  return width < 1
    ? ''
    : `${Array.from(text)
        .slice(0, width - 1)
        .join('')}…`;
}

/** The text without control characters that a terminal would obey: an error of a user's function may hold any. */
export const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
