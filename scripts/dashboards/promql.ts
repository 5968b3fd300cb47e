// The forms of PromQL that panels and alerts use.
import { type RecordErrorCode, recordErrors } from '../../src/core/errors.ts';

/** Selects series of a metric: `metric{job=~"$job"}`. */
export interface Selection {
  readonly matchers: string;
}

const service = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"';

/** The series that the variables of a dashboard select. */
export const ofService: Selection = { matchers: service };
export const ofPipelines: Selection = { matchers: `${service},pipeline=~"$pipeline"` };
export const ofLookups: Selection = { matchers: `${service},lookup=~"$lookup"` };

export function select(metric: string, { matchers }: Selection, extraMatcher = ''): string {
  const all = [matchers, extraMatcher].filter((text) => text !== '').join(',');
  return all === '' ? metric : `${metric}{${all}}`;
}

/** Grafana chooses it from the zoom and the scrape interval: at least four scrapes. */
const window = '$__rate_interval';

export function rate(metric: string, of: Selection, by: string, extraMatcher = ''): string {
  return `${sumBy(by)}(rate(${select(metric, of, extraMatcher)}[${window}]))`;
}

export function sum(metric: string, of: Selection, by: string): string {
  return `${sumBy(by)}(${select(metric, of)})`;
}

/** If `by` is empty, the sum is over all series. */
function sumBy(by: string): string {
  return by === '' ? 'sum' : `sum by (${by}) `;
}

/** A quantile of a histogram over the window; `q` from 0 to 1. If nothing was counted it has no value, instead of NaN. */
export function quantile(q: number, histogram: string, of: Selection, by: string): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${q}, ${rate(`${histogram}_bucket`, of, labels)}) >= 0`;
}

/** A share of a whole. If the whole is 0 it has no value, instead of NaN. `join` says how the labels of both sides match. */
export function share(part: string, whole: string, join = ''): string {
  return `${part} / ${join === '' ? '' : `${join} `}(${whole} > 0)`;
}

/**
 * The cause of a failed record. `input`: the record itself, or a client that disconnected; no change of the service or of a
 * lookup would have enriched it. `service`: everything else, which is what the objective counts.
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

/** Matches the codes of `millrace_record_errors_total` whose cause is not the record. */
export const serviceFaults = `code!~"${inputFaults.join('|')}"`;

/** Matches the values of `millrace_records_out_total` for records that were emitted. */
export const emitted = 'outcome!="cancelled"';
