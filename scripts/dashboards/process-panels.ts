import { graph } from './panel.ts';
import { ofService as of, rate, select } from './promql.ts';

/** For each instance separately: a process has one thread for all of its streams. */
export const processPanels = [
  graph({
    title: 'CPU',
    description: 'Cores used. Near 1 the process cannot do more: start more instances.',
    unit: 'none',
    width: 8,
    queries: [
      ['{{instance}} user', rate('process_cpu_user_seconds_total', of, 'instance')],
      ['{{instance}} system', rate('process_cpu_system_seconds_total', of, 'instance')],
    ],
  }),
  graph({
    title: 'Memory',
    description: 'Resident set, and the part of it that is heap.',
    unit: 'bytes',
    width: 8,
    queries: [
      ['{{instance}} resident', select('process_resident_memory_bytes', of)],
      ['{{instance}} heap used', select('nodejs_heap_size_used_bytes', of)],
    ],
  }),
  graph({
    title: 'Event-loop delay',
    description:
      'How late timers fire, since the last scrape; 10 to 13 ms is the resolution of the measurement. Every wait takes this much longer.',
    unit: 's',
    width: 8,
    queries: [
      ['{{instance}} p50', select('nodejs_eventloop_lag_p50_seconds', of)],
      ['{{instance}} p99', select('nodejs_eventloop_lag_p99_seconds', of)],
    ],
  }),
  graph({
    title: 'Garbage collection',
    description: 'Share of time, by kind.',
    unit: 'percentunit',
    width: 8,
    queries: [['{{instance}} {{kind}}', rate('nodejs_gc_duration_seconds_sum', of, 'instance, kind')]],
  }),
  graph({
    title: 'File descriptors',
    description:
      'Open file descriptors: one for each stream, and one for each connection of a lookup. The dashed line is the limit.',
    unit: 'none',
    width: 8,
    limits: '/limit$/',
    queries: [
      ['{{instance}} open', select('process_open_fds', of)],
      ['{{instance}} limit', select('process_max_fds', of)],
    ],
  }),
  graph({
    title: 'Configuration',
    description:
      '1 if the configuration that was last read is in force, 0 if it could not be used; and the number of reloads.',
    unit: 'none',
    width: 8,
    queries: [
      ['{{instance}} good', select('millrace_config_last_reload_successful', of)],
      ['{{instance}} reloads', `increase(${select('millrace_config_reloads_total', of)}[$__rate_interval])`],
    ],
  }),
];
