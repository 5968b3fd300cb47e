import { generated } from '../../scripts/dashboards/generated.ts';

/** The members of a dashboard that are tested. */
export interface Board {
  readonly uid: string;
  readonly title: string;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

interface Variable {
  readonly type: string;
  readonly name: string;
  readonly allValue?: string;
  readonly definition?: string;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly y: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

/** The dashboards of the chart. */
export const boards: readonly Board[] = [...generated()]
  .filter(([path]) => path.endsWith('.json'))
  .map(([, text]): Board => JSON.parse(text));

/** A query as it is sent to Prometheus. */
export interface Asked {
  readonly name: string;
  readonly expression: string;
  /** The labels that the panel names the series of the result by. */
  readonly labels: readonly string[];
}

/** Every query of every panel, over the given window; the variables select everything. */
export function queriesOf(board: Board, window: string): readonly Asked[] {
  return board.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }, place) => ({
      name: `${board.title}: ${title}, ${place + 1}`,
      expression: filled(expr, board, window),
      labels: Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = '']) => label),
    })),
  );
}

/** The `label_values(series, label)` that variables are read from. */
export function choicesOf(board: Board): readonly { readonly series: string; readonly label: string }[] {
  return board.templating.list.flatMap(({ type, definition = '' }) => {
    if (type !== 'query') return [];
    const [, series = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
    return [{ series: filled(series, board, ''), label }];
  });
}

function filled(text: string, { templating }: Board, window: string): string {
  return templating.list.reduce(
    (all, { name, allValue = '' }) => all.replaceAll(`$${name}`, allValue),
    text.replaceAll('$__rate_interval', window),
  );
}
