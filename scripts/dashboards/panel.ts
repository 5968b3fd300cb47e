import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
} from '@grafana/grafana-foundation-sdk/common';
import {
  StackingConfigBuilder,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
  ReduceDataOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** One query of a panel, with the legend of its series: `{{pipeline}}`. */
type Query = readonly [legend: string, expression: string];

export interface Graph {
  readonly title: string;
  /** What the panel shows, and what a value means. */
  readonly description: string;
  /** An identifier of Grafana: `ops`, `s`, `percentunit`. */
  readonly unit: string;
  /** In columns, of 24. */
  readonly width: number;
  readonly queries: readonly Query[];
  readonly stacked?: boolean;
  /** A pattern of the series that are limits, drawn as a dashed line. */
  readonly limits?: string;
}

/** The data source is a variable, so that a dashboard can be imported anywhere. */
export const datasource = { type: 'prometheus', uid: '${datasource}' };

const graphHeight = 8;
const figureHeight = 4;

export function graph({ title, description, unit, width, queries, stacked = false, limits }: Graph): TimeSeriesBuilder {
  const panel = new TimeSeriesBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .min(0)
    .span(width)
    .height(graphHeight)
    .lineWidth(1)
    .fillOpacity(stacked ? 30 : 8)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .targets(targets(queries));
  if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (limits !== undefined) {
    panel.overrideByRegexp(limits, [
      { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
      { id: 'custom.fillOpacity', value: 0 },
      { id: 'custom.stacking', value: { mode: StackingMode.None } },
    ]);
  }
  return panel;
}

export type Figure = Pick<Graph, 'title' | 'description' | 'unit' | 'width'> & { readonly query: string };

/** One large number: the last value, above a small graph. */
export function figure({ title, description, unit, width, query }: Figure): StatBuilder {
  return new StatBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .span(width)
    .height(figureHeight)
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .targets(targets([['', query]]));
}

function targets(queries: readonly Query[]): DataqueryBuilder[] {
  return queries.map(([legend, expression], place) =>
    new DataqueryBuilder()
      .refId(String.fromCodePoint(65 + place))
      .datasource(datasource)
      .range()
      .expr(expression)
      .legendFormat(legend),
  );
}
