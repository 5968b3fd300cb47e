import { count } from '../core/count.ts';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { DemoData } from './data.ts';
import type { Directory } from './directory.ts';
import { meanLatencyMs } from './latency.ts';
import type { Run } from './run.ts';
import { mebibytes, milliseconds, type Paint, percent, type Row, table } from './screen.ts';
import { capacity, type DemoService, enrichUrl } from './service.ts';

/** What the demo says, before and after. */
export interface Setting {
  readonly service: DemoService;
  readonly directory: Directory;
  readonly data: DemoData;
}

export function introduction({ service, directory, data }: Setting, { dim, strong }: Paint): string {
  const flights = count(data.flights.length);
  return [
    '',
    strong(`  ${flights} real flights; for each, its two airports are looked up over HTTP`),
    '',
    `  directory   ${directory.urlTemplate}`,
    dim(
      `              ${count(data.airports.size)} airports; an answer takes ${meanLatencyMs} ms on average, some far longer`,
    ),
    `  service     ${enrichUrl(service, 'ordered')}`,
    dim(`              millrace serve, a process of its own; at most ${capacity} records in flight`),
    `  machine     ${sharedCores(availableParallelism())}`,
    dim('              so the figures are those of all three together, and not of the service alone'),
    '',
    '',
  ].join('\n');
}

/** Client, directory and service run side by side: none of them has the machine to itself. */
function sharedCores(cores: number): string {
  const which = cores === 1 ? 'its one core' : `its ${cores} cores`;
  return `client, directory and service share ${which}`;
}

export function resultTable(runs: readonly Run[], data: DemoData, colors: Paint): string {
  const row = (label: string, value: (run: Run) => string): Row => [label, ...runs.map(value)];
  const rows = [
    row('records', ({ lines }) => count(lines.length)),
    row('errors', ({ errors }) => count(errors)),
    row('records per second', ({ perSecond }) => count(perSecond)),
    row('  limit: capacity ÷ latency', ({ limitPerSecond }) => count(limitPerSecond)),
    row('  share of the limit', ({ perSecond, limitPerSecond }) => percent(perSecond / limitPerSecond)),
    row('  best possible in this mode', ({ optimumPerSecond }) => count(optimumPerSecond)),
    row('  share of the best possible', ({ perSecond, optimumPerSecond }) => percent(perSecond / optimumPerSecond)),
    row('a record, p50', ({ p50Ms }) => milliseconds(p50Ms)),
    row('a record, p99', ({ p99Ms }) => milliseconds(p99Ms)),
    row('a call of the directory, mean', ({ meanCallMs }) => milliseconds(meanCallMs)),
    row('records in flight, most', ({ mostInFlight }) => count(mostInFlight)),
    row('calls in flight, most', ({ mostCalls }) => count(mostCalls)),
    row('memory of the service', ({ residentBytes }) => mebibytes(residentBytes)),
  ];
  return `${examples(runs, data, colors)}${table(['', ...runs.map(({ mode }) => mode)], rows, colors)}\n`;
}

const shownFlights = 2;

function examples([first]: readonly Run[], data: DemoData, { dim, strong }: Paint): string {
  const lines = (first?.lines ?? [])
    .slice(0, shownFlights)
    .flatMap((line, index) => [dim(`  sent  ${data.flights[index] ?? ''}`), `  back  ${line}`, '']);
  return `${strong('  Some of what came back')}\n\n${lines.join('\n')}\n`;
}

export function explanation({ good, dim }: Paint): string {
  return [
    good('  Checked: nothing is lost or doubled, every line has the right cities and names, ordered kept the order.'),
    '',
    dim(
      '  Latency is what the directory measured for each call in this run; a record takes the longer one of its two.',
    ),
    dim(
      '  Best possible: the same latencies, scheduled by a simulation in which all else takes no time. In order it is',
    ),
    dim('  below the limit, for a slow record holds up those behind it, whatever is done.'),
    '',
    '',
  ].join('\n');
}

/** Writes the flights into the service's folder, so that there is a file to send. */
export function tryIt(service: DemoService, flights: readonly string[], { strong, dim }: Paint): string {
  const file = join(service.folder, 'flights.ndjson');
  writeFileSync(file, `${flights.join('\n')}\n`);
  const url = enrichUrl(service, 'ordered');
  return [
    strong('  It stays up until Ctrl-C. To try in another terminal:'),
    '',
    dim('  # type or paste a line, and see it come back (Ctrl-D ends it)'),
    `  curl -sSN -X POST -T . '${url}'`,
    dim('  # one record'),
    `  echo '{"origin":"DTW","destination":"LAS"}' | curl -sSN -X POST -T - '${url}'`,
    dim('  # all flights, as they are done'),
    `  curl -sSN -X POST -T ${file} '${enrichUrl(service, 'unordered')}'`,
    dim('  # what it counts, and what it is doing'),
    `  curl -sS ${service.adminUrl}/metrics | grep ^millrace_`,
    `  curl -sS ${service.adminUrl}/state`,
    dim(`  # its configuration`),
    `  cat ${service.configFile}`,
    '',
    '',
  ].join('\n');
}
