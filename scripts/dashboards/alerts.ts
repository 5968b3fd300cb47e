import type { Alert } from './alert.ts';
import { emitted, serviceFaults } from './promql.ts';

/** The labels of a deployment, on Kubernetes and elsewhere. A label that does not exist changes nothing. */
const deployment = 'namespace, job';
const byPipeline = `sum by (${deployment}, pipeline)`;
const byLookup = `sum by (${deployment}, lookup)`;

/** The share of records that should succeed in 30 days. */
const objective = 0.999;
const budget = Number((1 - objective).toFixed(6));

/** No alert is raised for this number of failed records or fewer: with little traffic, one record is a large share. */
const fewestErrors = 10;

/**
 * The error budget is spent `factor` times as fast as planned, over both windows: the long window shows that it matters,
 * the short one that records still fail (Site Reliability Workbook, chapter 5).
 */
function burns(factor: number, long: string, short: string): string {
  const ratio = (window: string): string =>
    [
      `${byPipeline} (rate(millrace_record_errors_total{${serviceFaults}}[${window}]))`,
      `  / ${byPipeline} (rate(millrace_records_out_total{${emitted}}[${window}]))`,
      `  > ${factor} * ${budget}`,
    ].join('\n');
  const enough = `${byPipeline} (increase(millrace_record_errors_total{${serviceFaults}}[${long}])) > ${fewestErrors}`;
  return [ratio(long), ratio(short), enough].join('\nand\n');
}

const budgetAlerts: readonly Alert[] = [
  {
    name: 'MillraceErrorBudgetBurnFast',
    expression: burns(14.4, '1h', '5m'),
    holds: '2m',
    severity: 'critical',
    summary: 'Records of pipeline {{ $labels.pipeline }} fail',
    description:
      '{{ $value | humanizePercentage }} of the records of pipeline {{ $labels.pipeline }} ({{ $labels.job }}) failed in the last hour, and records still fail: at this rate the error budget of 30 days is spent within two days.',
  },
  {
    name: 'MillraceErrorBudgetBurnSlow',
    expression: burns(6, '6h', '30m'),
    holds: '15m',
    severity: 'warning',
    summary: 'Records of pipeline {{ $labels.pipeline }} fail too often',
    description:
      '{{ $value | humanizePercentage }} of the records of pipeline {{ $labels.pipeline }} ({{ $labels.job }}) failed in the last six hours, and records still fail: at this rate the error budget of 30 days is spent within five days.',
  },
];

const streamAlerts: readonly Alert[] = [
  {
    name: 'MillraceBackpressure',
    expression: [
      `sum by (${deployment}, pipeline, reason) (rate(millrace_backpressure_seconds_total[15m]))`,
      `  / on (${deployment}, pipeline) group_left ()`,
      `  clamp_min(${byPipeline} (avg_over_time(millrace_streams_active[15m])), 1)`,
      '  > 0.8',
    ].join('\n'),
    holds: '30m',
    severity: 'info',
    summary: 'Backpressure on streams of pipeline {{ $labels.pipeline }}: {{ $labels.reason }}',
    description:
      'The streams of pipeline {{ $labels.pipeline }} ({{ $labels.job }}) were not read for {{ $value | humanizePercentage }} of their time; the reason is {{ $labels.reason }}.',
  },
  {
    name: 'MillraceStreamsStalled',
    expression: `${byPipeline} (increase(millrace_streams_total{outcome="stalled"}[30m])) > 2`,
    severity: 'warning',
    summary:
      'Streams of pipeline {{ $labels.pipeline }} were cut because their response was not read or nothing was sent',
    description:
      '{{ $value | printf "%.0f" }} streams of pipeline {{ $labels.pipeline }} ({{ $labels.job }}) were cut in the last 30 minutes, because their response was not read or nothing was sent.',
  },
];

const endAlerts: readonly Alert[] = [
  {
    name: 'MillraceStreamsRefused',
    expression: [
      `${byPipeline} (increase(millrace_streams_total{outcome="rejected"}[15m]))`,
      `  / ${byPipeline} (increase(millrace_streams_total[15m]))`,
      '  > 0.1',
      'and',
      `${byPipeline} (increase(millrace_streams_total{outcome="rejected"}[15m])) > 10`,
    ].join('\n'),
    holds: '5m',
    severity: 'warning',
    summary: 'Requests to pipeline {{ $labels.pipeline }} are refused',
    description:
      '{{ $value | humanizePercentage }} of the requests to pipeline {{ $labels.pipeline }} ({{ $labels.job }}) were refused in the last 15 minutes, before a record was read.',
  },
  {
    name: 'MillraceStreamsCut',
    expression: `${byPipeline} (increase(millrace_streams_total{outcome=~"failed|drained"}[30m])) > 2`,
    severity: 'warning',
    summary: 'The service cuts streams of pipeline {{ $labels.pipeline }}',
    description:
      '{{ $value | printf "%.0f" }} streams of pipeline {{ $labels.pipeline }} ({{ $labels.job }}) were cut by the service in the last 30 minutes: a record failed and onError or onInvalid is fail, output could not be spooled, the service stopped before they had finished, or it has a defect.',
  },
  {
    name: 'MillraceSpoolNearlyFull',
    expression: 'millrace_spool_bytes / millrace_spool_limit_bytes > 0.8',
    holds: '5m',
    severity: 'warning',
    summary: 'The spool of {{ $labels.instance }} is nearly full',
    description:
      '{{ $value | humanizePercentage }} of limits.spoolTotalBytes of {{ $labels.instance }} ({{ $labels.job }}) is in use by output that clients do not read. When it is full, streams are cut with spool_full.',
  },
];

const lookupAlerts: readonly Alert[] = [
  {
    name: 'MillraceLookupRetries',
    expression: [
      `${byLookup} (rate(millrace_lookup_retries_total[10m]))`,
      `  / ${byLookup} (rate(millrace_lookup_calls_total[10m]))`,
      '  > 0.1',
    ].join('\n'),
    holds: '10m',
    severity: 'warning',
    summary: 'Many calls of lookup {{ $labels.lookup }} are retries',
    description:
      '{{ $value | humanizePercentage }} of the calls of lookup {{ $labels.lookup }} ({{ $labels.job }}) are retries after a failure.',
  },
  {
    name: 'MillraceLookupTimeouts',
    expression: [
      `${byLookup} (rate(millrace_lookup_calls_total{outcome="timeout"}[10m]))`,
      `  / ${byLookup} (rate(millrace_lookup_calls_total[10m]))`,
      '  > 0.05',
    ].join('\n'),
    holds: '10m',
    severity: 'warning',
    summary: 'Lookup {{ $labels.lookup }} does not answer in time',
    description:
      '{{ $value | humanizePercentage }} of the calls of lookup {{ $labels.lookup }} ({{ $labels.job }}) got no answer within their timeout.',
  },
  {
    name: 'MillraceBreakerOpen',
    // It is half open for a moment at each try, so the moment of an evaluation says little.
    expression: `max by (${deployment}, lookup) (avg_over_time(millrace_breaker_state{state="closed"}[5m])) < 0.5`,
    severity: 'warning',
    summary: 'The circuit breaker of lookup {{ $labels.lookup }} is open',
    description:
      'Lookup {{ $labels.lookup }} ({{ $labels.job }}) failed or was slow: no instance has called it for most of the last five minutes, except to try it.',
  },
  {
    name: 'MillraceLookupPaused',
    expression: `avg by (${deployment}, lookup) (avg_over_time(millrace_lookup_paused[15m])) > 0.5`,
    severity: 'warning',
    summary: 'Lookup {{ $labels.lookup }} refuses most calls as too many',
    description:
      'Lookup {{ $labels.lookup }} ({{ $labels.job }}) was paused for {{ $value | humanizePercentage }} of the last 15 minutes, because it answers 429 with Retry-After.',
  },
  {
    name: 'MillraceLimitAtMinimum',
    // It is measured at half of itself now and then, so it is compared by its highest value; without a queue it is not the bottleneck.
    expression: [
      `min by (${deployment}, lookup) (max_over_time(millrace_lookup_concurrency_limit[15m]))`,
      `  <= max by (${deployment}, lookup) (millrace_lookup_concurrency_min)`,
      'and',
      `${byLookup} (avg_over_time(millrace_lookup_queued[15m])) > 1`,
    ].join('\n'),
    holds: '15m',
    severity: 'warning',
    summary: 'The adaptive limit of lookup {{ $labels.lookup }} stays at its minimum',
    description:
      'An instance has made at most {{ $value | printf "%.0f" }} calls of lookup {{ $labels.lookup }} ({{ $labels.job }}) at a time for 15 minutes, the least that its adaptive limit permits, and calls wait.',
  },
  {
    name: 'MillraceTableReloadFailed',
    expression: 'millrace_table_last_reload_successful == 0',
    holds: '1m',
    severity: 'warning',
    summary: 'The file of table {{ $labels.lookup }} cannot be read again',
    description:
      'Lookup {{ $labels.lookup }} on {{ $labels.instance }} ({{ $labels.job }}) answers from its previous rows: its file has changed and cannot be read.',
  },
];

const processAlerts: readonly Alert[] = [
  {
    name: 'MillraceTargetDown',
    // Every target has `up`, but only a target that was Millrace within the last hour has build_info.
    expression: ['up == 0', `and on (${deployment}, instance) last_over_time(millrace_build_info[1h])`].join('\n'),
    holds: '5m',
    severity: 'critical',
    summary: '{{ $labels.instance }} does not answer',
    description:
      'Prometheus could not scrape {{ $labels.instance }} ({{ $labels.job }}) for five minutes. It was a Millrace within the last hour.',
  },
  {
    name: 'MillraceConfigReloadFailed',
    expression: 'millrace_config_last_reload_successful == 0',
    holds: '1m',
    severity: 'warning',
    summary: 'The changed configuration of {{ $labels.instance }} cannot be used',
    description:
      '{{ $labels.instance }} ({{ $labels.job }}) continues with its previous configuration. With the changed one it would not start.',
  },
  {
    name: 'MillraceCertificateExpires',
    expression: 'millrace_tls_certificate_not_after_seconds - time() < 7 * 24 * 3600',
    holds: '10m',
    severity: 'warning',
    summary: 'A certificate of {{ $labels.instance }} expires soon',
    description:
      'server.tls.{{ $labels.file }} of {{ $labels.instance }} ({{ $labels.job }}) expires in {{ $value | humanizeDuration }}. After that its clients refuse it, or it refuses its clients.',
  },
  {
    name: 'MillraceEventLoopDelay',
    // Any Node.js program may have this metric. build_info shows which of them is Millrace.
    expression: ['nodejs_eventloop_lag_p99_seconds > 0.2', `and on (${deployment}, instance) millrace_build_info`].join(
      '\n',
    ),
    holds: '10m',
    severity: 'warning',
    summary: 'The event loop of {{ $labels.instance }} is blocked',
    description:
      'On {{ $labels.instance }} ({{ $labels.job }}) one timer in a hundred fires {{ $value | humanizeDuration }} late or more. All streams and probes wait for that time.',
  },
];

/** The groups of the rule file, by subject. */
export const alertGroups: readonly { readonly name: string; readonly alerts: readonly Alert[] }[] = [
  { name: 'millrace-error-budget', alerts: budgetAlerts },
  { name: 'millrace-streams', alerts: [...streamAlerts, ...endAlerts] },
  { name: 'millrace-lookups', alerts: lookupAlerts },
  { name: 'millrace-process', alerts: processAlerts },
];
