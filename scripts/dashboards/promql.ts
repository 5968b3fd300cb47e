// The few forms of PromQL that panels and alerts are made of.
import { type RecordErrorCode, recordErrors } from '../../src/core/errors.ts';

/** Which series of one metric: `metric{job=~"$job"}`. */
export interface Selection {
  readonly matchers: string;
}

const service = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"';

/** What the variables of a dashboard select. */
export const ofService: Selection = { matchers: service };
export const ofPipelines: Selection = { matchers: `${service},pipeline=~"$pipeline"` };
export const ofLookups: Selection = { matchers: `${service},lookup=~"$lookup"` };

export function select(metric: string, { matchers }: Selection, more = ''): string {
  const all = [matchers, more].filter((text) => text !== '').join(',');
  return all === '' ? metric : `${metric}{${all}}`;
}

/** As long as Grafana thinks right for the zoom and the scrape interval: four scrapes at least. */
const window = '$__rate_interval';

export function rate(metric: string, of: Selection, by: string, more = ''): string {
  return `${sumBy(by)}(rate(${select(metric, of, more)}[${window}]))`;
}

export function sum(metric: string, of: Selection, by: string): string {
  return `${sumBy(by)}(${select(metric, of)})`;
}

/** Over everything where `by` is empty. */
function sumBy(by: string): string {
  return by === '' ? 'sum' : `sum by (${by}) `;
}

/** Of a histogram, over the window; `q` from 0 to 1. No value, instead of NaN, while nothing is counted. */
export function quantile(q: number, histogram: string, of: Selection, by: string): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, of, labels)}) >= 0`;
}

/** A share of a whole. No value, instead of NaN, while the whole is 0. `join` says how the two sides match. */
export function share(part: string, whole: string, join = ''): string {
  return `${part} / ${join === '' ? '' : `${join} `}(${whole} > 0)`;
}

/**
 * Whose fault a failed record is. `input`: the record, or the client that left, so that no change of the service or of
 * a lookup would have enriched it. `service`: everything else; it is what the objective counts.
 */
const faults: Readonly<Record<RecordErrorCode, 'input' | 'service'>> = {
  invalid_json: 'input',
  invalid_utf8: 'input',
  line_too_long: 'input',
  not_an_object: 'input',
  missing_argument: 'input',
  expression_error: 'input',
  not_found: 'input',
  cancelled: 'input',
  timeout: 'service',
  unreachable: 'service',
  bad_status: 'service',
  bad_response: 'service',
  response_too_large: 'service',
  breaker_open: 'service',
  invalid_result: 'service',
  function_error: 'service',
};

const inputFaults = Object.keys(recordErrors).filter((code) => faults[code as RecordErrorCode] === 'input');

/** Matches the codes of `millrace_record_errors_total` that are not the record's own fault. */
export const serviceFaults = `code!~"${inputFaults.join('|')}"`;

/** Matches the values of `millrace_records_out_total` that are records which were answered. */
export const emitted = 'outcome!="cancelled"';
