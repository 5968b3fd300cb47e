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

/** The parts of the demo that its texts describe. */
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
      `              ${count(data.airports.size)} airports; an answer takes ${meanLatencyMs} ms on average, some take much longer`,
    ),
    `  service     ${enrichUrl(service, 'ordered')}`,
    dim(`              millrace serve in its own process; at most ${capacity} records in flight`),
    `  machine     ${sharedCores(availableParallelism())}`,
    dim('              so the figures are for the three together, not for the service alone'),
    '',
    '',
  ].join('\n');
}

/** Client, directory and service run at the same time on one machine. */
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
    row('record duration, p50', ({ p50Ms }) => milliseconds(p50Ms)),
    row('record duration, p99', ({ p99Ms }) => milliseconds(p99Ms)),
    row('directory call, mean', ({ meanCallMs }) => milliseconds(meanCallMs)),
    row('most records in flight', ({ mostInFlight }) => count(mostInFlight)),
    row('most calls in flight', ({ mostCalls }) => count(mostCalls)),
    row('memory of the service', ({ residentBytes }) => mebibytes(residentBytes)),
  ];
  return `${examples(runs, data, colors)}${table(['', ...runs.map(({ mode }) => mode)], rows, colors)}\n`;
}

const shownFlights = 2;

function examples([first]: readonly Run[], data: DemoData, { dim, strong }: Paint): string {
  const lines = (first?.lines ?? [])
    .slice(0, shownFlights)
    .flatMap((line, index) => [dim(`  sent  ${data.flights[index] ?? ''}`), `  back  ${line}`, '']);
  return `${strong('  The first lines of the response')}\n\n${lines.join('\n')}\n`;
}

export function explanation({ good, dim }: Paint): string {
  return [
    good(
      '  Checked: nothing is lost or doubled, every line has the right cities and names, and ordered kept the order.',
    ),
    '',
    dim(
      '  Latency: the time that the directory measured for each call; a record takes as long as the longer of its two calls.',
    ),
    dim(
      '  Best possible: a simulation with the same latencies, in which nothing else takes time. In mode ordered it is below',
    ),
    dim('  the limit, because a slow record always holds back the records behind it.'),
    '',
    '',
  ].join('\n');
}

/** Commands to try. Writes the flights into the folder of the service, so that there is a file to send. */
export function tryIt(service: DemoService, flights: readonly string[], { strong, dim }: Paint): string {
  const file = join(service.folder, 'flights.ndjson');
  writeFileSync(file, `${flights.join('\n')}\n`);
  const url = enrichUrl(service, 'ordered');
  return [
    strong('  The service runs until Ctrl-C. To try it, in another terminal:'),
    '',
    dim('  # type or paste a line, and see it enriched (Ctrl-D ends the stream)'),
    `  curl -sSN -X POST -T . '${url}'`,
    dim('  # one record'),
    `  echo '{"origin":"DTW","destination":"LAS"}' | curl -sSN -X POST -T - '${url}'`,
    dim('  # all flights, in the order of completion'),
    `  curl -sSN -X POST -T ${file} '${enrichUrl(service, 'unordered')}'`,
    dim('  # its metrics and its state'),
    `  curl -sS ${service.adminUrl}/metrics | grep ^millrace_`,
    `  curl -sS ${service.adminUrl}/state`,
    dim(`  # its configuration`),
    `  cat ${service.configFile}`,
    '',
    '',
  ].join('\n');
}
