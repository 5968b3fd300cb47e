import { dashboard } from './board.ts';
import { figure, graph } from './panel.ts';
import { emitted, ofPipelines as of, ofService, quantile, rate, select, serviceFaults, share, sum } from './promql.ts';
import { processPanels } from './process-panels.ts';

const failed = (by: string): string => rate('millrace_record_errors_total', of, by, serviceFaults);
const taken = ['in_flight', 'retry_waiting', 'completed_waiting'].map((name) => select(`millrace_${name}`, of));

const overview = [
  figure({
    title: 'Records out',
    description: 'Records that were emitted per second.',
    unit: 'ops',
    width: 4,
    query: rate('millrace_records_out_total', of, '', emitted),
  }),
  figure({
    title: 'Record success',
    description: 'Share of records that did not fail because of the service or a lookup. The alerts expect 99.9 %.',
    unit: 'percentunit',
    width: 4,
    query: `1 - ${share(failed(''), rate('millrace_records_out_total', of, '', emitted))}`,
  }),
  figure({
    title: 'Record duration p99',
    description: 'From admission to emission; 99 of 100 records took at most so long.',
    unit: 's',
    width: 4,
    query: quantile(0.99, 'millrace_record_duration_seconds', of, ''),
  }),
  figure({
    title: 'Open streams',
    description: 'Open streams of all instances.',
    unit: 'none',
    width: 4,
    query: sum('millrace_streams_active', of, ''),
  }),
  figure({
    title: 'Slots taken',
    description: 'Share of the slots of the open streams that have a record. No value while no stream is open.',
    unit: 'percentunit',
    width: 4,
    query: share(`sum(${taken.join(' + ')})`, sum('millrace_capacity', of, '')),
  }),
  figure({
    title: 'Instances',
    description: 'Processes that are scraped.',
    unit: 'none',
    width: 4,
    query: `count(${select('millrace_build_info', ofService)})`,
  }),
];

const throughput = [
  graph({
    title: 'Records in',
    description: 'Records read per second.',
    unit: 'ops',
    width: 8,
    queries: [['{{pipeline}}', rate('millrace_records_in_total', of, 'pipeline')]],
  }),
  graph({
    title: 'Records out by outcome',
    description:
      'Records that were emitted or cancelled per second: error, invalid, dropped and cancelled beside enriched.',
    unit: 'ops',
    width: 8,
    stacked: true,
    queries: [['{{pipeline}} {{outcome}}', rate('millrace_records_out_total', of, 'pipeline, outcome')]],
  }),
  graph({
    title: 'Bytes',
    description: 'Bytes of request and response bodies per second.',
    unit: 'binBps',
    width: 8,
    queries: [
      ['{{pipeline}} received', rate('millrace_received_bytes_total', of, 'pipeline')],
      ['{{pipeline}} sent', rate('millrace_sent_bytes_total', of, 'pipeline')],
    ],
  }),
  graph({
    title: 'Open streams',
    description: 'Streams that are open, by mode.',
    unit: 'none',
    width: 12,
    stacked: true,
    queries: [['{{pipeline}} {{mode}}', sum('millrace_streams_active', of, 'pipeline, mode')]],
  }),
  graph({
    title: 'Streams ended by outcome',
    description: 'Streams that ended per second. Every outcome except completed is visible to the client.',
    unit: 'ops',
    width: 12,
    stacked: true,
    queries: [['{{pipeline}} {{outcome}}', rate('millrace_streams_total', of, 'pipeline, outcome')]],
  }),
];

const latency = [
  ['Record duration', 'millrace_record_duration_seconds', 'From admission of a record to its emission.'],
  [
    'Reorder wait',
    'millrace_reorder_wait_seconds',
    'From completion of a record to its emission: the cost of order, and of a slow reader. If it is near the record duration, most of the time is spent on order.',
  ],
  ['Stream duration', 'millrace_stream_duration_seconds', 'From the head of the request to the end of the response.'],
].map(([title = '', histogram = '', description = '']) =>
  graph({
    title,
    description,
    unit: 's',
    width: 8,
    queries: [
      ['{{pipeline}} p50', quantile(0.5, histogram, of, 'pipeline')],
      ['{{pipeline}} p99', quantile(0.99, histogram, of, 'pipeline')],
    ],
  }),
);

const slots = [
  graph({
    title: 'In flight against capacity',
    description:
      'The use of the slots of the open streams; the dashed line is their number. If most are in flight, the lookups are the limit. If most are complete, order or the reader is the limit.',
    unit: 'none',
    width: 12,
    stacked: true,
    limits: '/capacity$/',
    queries: [
      ['{{pipeline}} in flight', sum('millrace_in_flight', of, 'pipeline')],
      ['{{pipeline}} waiting for a retry', sum('millrace_retry_waiting', of, 'pipeline')],
      ['{{pipeline}} complete, not emitted', sum('millrace_completed_waiting', of, 'pipeline')],
      ['{{pipeline}} capacity', sum('millrace_capacity', of, 'pipeline')],
    ],
  }),
  graph({
    title: 'Backpressure by reason',
    description:
      'Share of time in which bodies were not read, summed over the streams (two streams that wait are 200 %): capacity (no slot was free), slow_reader (the client does not read), limit (its records wait for a connection of a lookup), memory (all streams together hold as much as limits.memory allows). A wait that has not ended is included.',
    unit: 'percentunit',
    width: 12,
    queries: [['{{pipeline}} {{reason}}', rate('millrace_backpressure_seconds_total', of, 'pipeline, reason')]],
  }),
];

const inMemory = `${select('millrace_spool_bytes', ofService)} - ${select('millrace_spool_disk_bytes', ofService)}`;

const spool = [
  graph({
    title: 'Spool',
    description:
      'Output that waits for clients which read late, on disk and in memory; a file counts whole until all of it was sent. The dashed line is limits.spoolTotalBytes: above it streams are cut.',
    unit: 'bytes',
    width: 8,
    stacked: true,
    limits: '/limit$/',
    queries: [
      ['{{instance}} on disk', select('millrace_spool_disk_bytes', ofService)],
      ['{{instance}} in memory', inMemory],
      ['{{instance}} limit', select('millrace_spool_limit_bytes', ofService)],
    ],
  }),
  graph({
    title: 'Streams that spool',
    description: 'Open streams whose client may read only after it has sent everything.',
    unit: 'none',
    width: 8,
    queries: [['{{instance}}', select('millrace_spool_streams', ofService)]],
  }),
  graph({
    title: 'Streams cut with spool_full',
    description:
      'Streams that were cut, by reason: stream_full (limits.spoolBytes), all_full (limits.spoolTotalBytes), disk (full, or it failed).',
    unit: 'none',
    width: 8,
    queries: [
      [
        '{{instance}} {{reason}}',
        `sum by (instance, reason) (increase(${select('millrace_spool_refused_total', ofService)}[$__rate_interval]))`,
      ],
    ],
  }),
];

const errors = [
  graph({
    title: 'Errors by code',
    description: 'Records that failed per second, whatever onError does with them.',
    unit: 'ops',
    width: 8,
    stacked: true,
    queries: [['{{pipeline}} {{code}}', `${rate('millrace_record_errors_total', of, 'pipeline, code')} > 0`]],
  }),
  graph({
    title: 'Share of records that failed',
    description:
      'All failed records, and those that did not fail because of the record itself, which the objective of 99.9 % counts.',
    unit: 'percentunit',
    width: 8,
    queries: [
      [
        '{{pipeline}} all',
        share(
          rate('millrace_record_errors_total', of, 'pipeline'),
          rate('millrace_records_out_total', of, 'pipeline', emitted),
        ),
      ],
      [
        '{{pipeline}} objective',
        share(failed('pipeline'), rate('millrace_records_out_total', of, 'pipeline', emitted)),
      ],
    ],
  }),
  graph({
    title: 'Late completions',
    description: 'Answers that came after their attempt had ended, per second: their calls were wasted.',
    unit: 'ops',
    width: 8,
    queries: [['{{pipeline}}', rate('millrace_late_completions_total', of, 'pipeline')]],
  }),
];

export const streamsBoard = dashboard({
  uid: 'millrace',
  title: 'Millrace',
  description: 'Streams, records and the process of Millrace.',
  of: { label: 'pipeline', metric: 'millrace_records_in_total' },
  rows: [
    ['Overview', overview],
    ['Throughput', throughput],
    ['Latency', latency],
    ['Slots and backpressure', slots],
    ['Spool', spool],
    ['Errors', errors],
    ['Process', processPanels],
  ],
});
