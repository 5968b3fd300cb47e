import { dashboard } from './board.ts';
import { graph } from './panel.ts';
import { ofLookups as of, quantile, rate, select, share, sum } from './promql.ts';

const calls = rate('millrace_lookup_calls_total', of, 'lookup');

const callPanels = [
  graph({
    title: 'Calls by outcome',
    description: 'Calls that ended per second. ok and miss are good answers; the other outcomes are failures.',
    unit: 'ops',
    width: 12,
    stacked: true,
    queries: [['{{lookup}} {{outcome}}', rate('millrace_lookup_calls_total', of, 'lookup, outcome')]],
  }),
  graph({
    title: 'Share of calls that failed',
    description:
      'By outcome. cancelled is not a failure of the lookup: the stream had ended, or another answer was enough.',
    unit: 'percentunit',
    width: 12,
    queries: [
      [
        '{{lookup}} {{outcome}}',
        share(
          rate('millrace_lookup_calls_total', of, 'lookup, outcome', 'outcome!~"ok|miss"'),
          calls,
          'on (lookup) group_left ()',
        ),
      ],
    ],
  }),
  graph({
    title: 'Call duration',
    description:
      'One call, from when it is sent. If it is short and records take long, the time goes into waits for a connection, order, retries or the reader.',
    unit: 's',
    width: 8,
    queries: [
      ['{{lookup}} p50', quantile(0.5, 'millrace_lookup_duration_seconds', of, 'lookup')],
      ['{{lookup}} p99', quantile(0.99, 'millrace_lookup_duration_seconds', of, 'lookup')],
    ],
  }),
  graph({
    title: 'Retries for each call',
    description: 'A value near the ratio of the retry budget (default 0.2) means that the budget limits the retries.',
    unit: 'percentunit',
    width: 8,
    queries: [['{{lookup}}', share(rate('millrace_lookup_retries_total', of, 'lookup'), calls)]],
  }),
  graph({
    title: 'Hedges for each call',
    description:
      'Second calls that were made because the first one took long, of lookups with `hedge`. With `after: p95` it is at most about 5 %.',
    unit: 'percentunit',
    width: 8,
    queries: [['{{lookup}}', share(rate('millrace_lookup_hedges_total', of, 'lookup'), calls)]],
  }),
];

const connectionPanels = [
  graph({
    title: 'In flight',
    description: 'Calls that are running on a connection.',
    unit: 'none',
    width: 12,
    queries: [['{{lookup}}', sum('millrace_lookup_in_flight', of, 'lookup')]],
  }),
  graph({
    title: 'Connections',
    description:
      'Connections that are open. Each instance opens as many as it needs, up to `connections` of the lookup.',
    unit: 'none',
    width: 12,
    queries: [['{{lookup}} {{instance}}', select('millrace_lookup_connections', of)]],
  }),
  graph({
    title: 'Concurrency limit',
    description: 'Calls that may run at the same time, of lookups with `concurrency`. Each instance has its own limit.',
    unit: 'none',
    width: 12,
    queries: [
      ['{{lookup}} {{instance}}', select('millrace_lookup_concurrency_limit', of)],
      ['{{lookup}} {{instance}} lowest', select('millrace_lookup_concurrency_min', of)],
    ],
  }),
  graph({
    title: 'Round trip of adaptive limits',
    description:
      'The round trip that an adaptive limit has measured. If it grows and the limit falls, calls wait there.',
    unit: 's',
    width: 12,
    queries: [['{{lookup}} {{instance}}', select('millrace_lookup_round_trip_seconds', of)]],
  }),
  graph({
    title: 'Changes of adaptive limits',
    description: 'Changes per second, by reason. measuring lowers the limit for a moment only.',
    unit: 'ops',
    width: 12,
    queries: [['{{lookup}} {{reason}}', rate('millrace_lookup_concurrency_changes_total', of, 'lookup, reason')]],
  }),
  graph({
    title: 'Queued',
    description:
      'Calls that wait for their turn: `connections` or `concurrency` is too low, or the lookup is too slow, for these streams.',
    unit: 'none',
    width: 12,
    queries: [['{{lookup}}', sum('millrace_lookup_queued', of, 'lookup')]],
  }),
];

const breakerPanels = [
  graph({
    title: 'Breaker',
    description:
      'The number of instances whose circuit breaker is in each state. While it is open, records fail with breaker_open, or wait (whenOpen).',
    unit: 'none',
    width: 12,
    queries: [['{{lookup}} {{state}}', sum('millrace_breaker_state', of, 'lookup, state')]],
  }),
  graph({
    title: 'Calls refused by the breaker',
    description: 'Calls that were not made, because the circuit breaker was open, per second.',
    unit: 'ops',
    width: 12,
    queries: [['{{lookup}}', rate('millrace_lookup_calls_total', of, 'lookup', 'outcome="refused"')]],
  }),
];

const ratePanels = [
  graph({
    title: 'Rate limit',
    description: 'Calls that end per second, and the rate limit of all instances together.',
    unit: 'ops',
    width: 12,
    queries: [
      ['{{lookup}} limit', sum('millrace_lookup_rate_limit', of, 'lookup')],
      ['{{lookup}} calls', `${calls} and on (lookup) ${sum('millrace_lookup_rate_limit', of, 'lookup')}`],
    ],
  }),
  graph({
    title: 'Paused',
    description:
      'The share of instances in which all calls wait, because the lookup has answered 429 with Retry-After: it gets too many calls.',
    unit: 'percentunit',
    width: 12,
    queries: [['{{lookup}}', `avg by (lookup) (${select('millrace_lookup_paused', of)})`]],
  }),
];

const tokenPanels = [
  graph({
    title: 'Requests for access tokens',
    description: 'Requests per second to the token endpoint of a lookup (auth.oauth2), by outcome.',
    unit: 'ops',
    width: 12,
    queries: [['{{lookup}} {{outcome}}', rate('millrace_lookup_token_requests_total', of, 'lookup, outcome')]],
  }),
  graph({
    title: 'Life left of access tokens',
    description: 'The shortest time until the access token of an instance expires. Below 0: it cannot be renewed.',
    unit: 's',
    width: 12,
    queries: [
      ['{{lookup}}', `min by (lookup) (${select('millrace_lookup_token_expiry_timestamp_seconds', of)} - time())`],
    ],
  }),
];

const requests = rate('millrace_cache_requests_total', of, 'lookup');

const cachePanels = [
  graph({
    title: 'Cache requests by result',
    description:
      'Requests to a lookup per second, by the source of their answer: the cache, the call of an equal request (coalesced), or a call of their own (miss).',
    unit: 'ops',
    width: 12,
    stacked: true,
    queries: [['{{lookup}} {{result}}', rate('millrace_cache_requests_total', of, 'lookup, result')]],
  }),
  graph({
    title: 'Share without a call of its own',
    description: 'The share of requests that the cache or the call of an equal request answered.',
    unit: 'percentunit',
    width: 12,
    queries: [['{{lookup}}', share(rate('millrace_cache_requests_total', of, 'lookup', 'result!="miss"'), requests)]],
  }),
  graph({
    title: 'Cache entries',
    description: 'Answers in the cache. Each instance has its own cache, with at most `cache.maxEntries` answers.',
    unit: 'none',
    width: 8,
    queries: [['{{lookup}} {{instance}}', select('millrace_cache_entries', of)]],
  }),
  graph({
    title: 'Cache memory',
    description:
      'Memory that the answers in the cache take. Each instance has its own cache, with at most `cache.maxBytes`.',
    unit: 'bytes',
    width: 8,
    queries: [['{{lookup}} {{instance}}', select('millrace_cache_bytes', of)]],
  }),
  graph({
    title: 'Cache evictions',
    description:
      'Answers that were removed to make room, per second. If there are many, and few hits, `cache.maxEntries` or `cache.maxBytes` is too low for these keys.',
    unit: 'ops',
    width: 8,
    queries: [['{{lookup}}', rate('millrace_cache_evictions_total', of, 'lookup')]],
  }),
  graph({
    title: 'Answers late or not stored',
    description:
      'Per second. late: stored after the time of their record had ended; if there are many, the `timeout` of the pipeline is too short for this lookup. refused: not stored because of their header (`respectCacheControl`).',
    unit: 'ops',
    width: 24,
    queries: [
      ['{{lookup}} late', rate('millrace_cache_late_answers_total', of, 'lookup')],
      ['{{lookup}} refused', rate('millrace_cache_refused_answers_total', of, 'lookup')],
    ],
  }),
];

const batchPanels = [
  graph({
    title: 'Requests of a batch',
    description:
      'The mean number of requests that one call is for. Far below `batch.maxSize` the streams bring too few requests within `batch.linger`.',
    unit: 'none',
    width: 12,
    queries: [
      [
        '{{lookup}}',
        share(rate('millrace_batch_size_sum', of, 'lookup'), rate('millrace_batch_size_count', of, 'lookup')),
      ],
    ],
  }),
  graph({
    title: 'Batches',
    description: 'Batches that are sent, per second.',
    unit: 'ops',
    width: 12,
    queries: [['{{lookup}}', rate('millrace_batch_size_count', of, 'lookup')]],
  }),
];

const tablePanels = [
  graph({
    title: 'Table rows',
    description: 'Rows of a table.',
    unit: 'none',
    width: 12,
    queries: [['{{lookup}} {{instance}}', select('millrace_table_rows', of)]],
  }),
  graph({
    title: 'Table reloads',
    description: 'Attempts to read the file of a table again, per second, by outcome.',
    unit: 'ops',
    width: 12,
    queries: [['{{lookup}} {{outcome}}', rate('millrace_table_reloads_total', of, 'lookup, outcome')]],
  }),
];

export const lookupsBoard = dashboard({
  uid: 'millrace-lookups',
  title: 'Millrace lookups',
  description: 'The calls that Millrace makes to other systems, and their answers.',
  of: { label: 'lookup', metric: 'millrace_lookup_calls_total' },
  rows: [
    ['Calls', callPanels],
    ['Connections and concurrency', connectionPanels],
    ['Breaker', breakerPanels],
    ['Rate', ratePanels],
    ['Access tokens', tokenPanels],
    ['Cache', cachePanels],
    ['Batches', batchPanels],
    ['Tables', tablePanels],
  ],
});
