import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { datasource } from './panel.ts';

export interface Board {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The label that splits the panels, and a metric that has all values of the label. */
  readonly of: { readonly label: 'pipeline' | 'lookup'; readonly metric: string };
  readonly rows: readonly (readonly [title: string, panels: readonly Builder<Panel>[]])[];
}

/** A tag of all dashboards, so that each one links to the others. */
const tag = 'millrace';

export function dashboard({ uid, title, description, of, rows }: Board): Dashboard {
  const board = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .editable()
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Millrace')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    // Variables are read from a metric of Millrace: Node's own metrics have no prefix, and jobs may have any name.
    // Outside Kubernetes no series has a namespace: "all" includes series without one.
    .withVariable(choice('namespace', 'millrace_build_info', '.*'))
    .withVariable(choice('job', 'millrace_build_info{namespace=~"$namespace"}'))
    .withVariable(choice('instance', 'millrace_build_info{namespace=~"$namespace",job=~"$job"}'))
    .withVariable(choice(of.label, `${of.metric}{namespace=~"$namespace",job=~"$job",instance=~"$instance"}`));
  let id = 1;
  for (const [row, panels] of rows) {
    board.withRow(new RowBuilder(row).id(id++));
    for (const panel of panels) board.withPanel(numbered(panel, id++));
  }
  return board.build();
}

function choice(label: string, series: string, all = '.+'): QueryVariableBuilder {
  const query = `label_values(${series}, ${label})`;
  return new QueryVariableBuilder(label)
    .datasource(datasource)
    .query({ query, refId: label })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(all)
    .current({ text: 'All', value: '$__all' });
}

function numbered(panel: Builder<Panel>, id: number): Builder<Panel> {
  return { build: () => ({ ...panel.build(), id }) };
}
