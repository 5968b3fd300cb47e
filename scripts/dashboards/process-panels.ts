import { graph } from './panel.ts';
import { ofService as of, rate, select } from './promql.ts';

/** Of each instance by itself: a process has one thread for all of its streams. */
export const processPanels = [
  graph({
    title: 'CPU',
    description: 'Cores used. Near 1 the process is at its end: start more of them.',
    unit: 'none',
    width: 8,
    queries: [
      ['{{instance}} user', rate('process_cpu_user_seconds_total', of, 'instance')],
      ['{{instance}} system', rate('process_cpu_system_seconds_total', of, 'instance')],
    ],
  }),
  graph({
    title: 'Memory',
    description: 'Resident set, and the heap in it.',
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
      'How late timers fire, since the scrape before; 10 to 13 ms is the grain of the measurement. It stands beside everything that is waited for.',
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
      'Open: one for each stream, and one for each connection of a lookup. The dashed line is the most there may be.',
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
      '1 while the configuration in force is the one last read, 0 while that one cannot be used; and how often it was read anew.',
    unit: 'none',
    width: 8,
    queries: [
      ['{{instance}} good', select('millrace_config_last_reload_successful', of)],
      ['{{instance}} reloads', `increase(${select('millrace_config_reloads_total', of)}[$__rate_interval])`],
    ],
  }),
];
