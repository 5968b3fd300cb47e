import { airportsCsv, flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, perSecond, type Row, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, withControl } from '../rounds.ts';
import { callForEach, startFlights, stream } from '../streams.ts';

/** What HTTP/2 costs a stream against HTTP/1.1 to the same service, with a lookup over HTTP and with one in a table. */
export async function overHttp2(bench: Bench): Promise<Section> {
  const list = flights();
  const load = { path: 'flights', file: bench.file('flights.ndjson', ndjson(list)), records: list.length };
  const airports = await startAirports(bench);
  const lookups = {
    'HTTP calls': callForEach({ http: { url: `${airports.origin}/airports/{iata}` } }),
    'a table': { table: { file: airportsCsv, key: 'iata' } },
  };
  const http1 = await startWorker(bench, 'load-client.ts');
  const http2 = await startWorker(bench, 'http2-load-client.ts');
  const rows: Row[] = [];
  for (const [lookup, options] of Object.entries(lookups)) {
    // oxlint-disable-next-line no-await-in-loop
    const [service, control] = [
      await startFlights(bench, lookup, options),
      await startFlights(bench, `${lookup}-control`, options),
    ];
    const [one, two] = [`${lookup}, HTTP/1.1`, `${lookup}, HTTP/2`];
    // oxlint-disable-next-line no-await-in-loop
    const measured = await inTurn(bench, [
      ...withControl(one, [
        (times) => stream(http1, service, { ...load, times }),
        (times) => stream(http1, control, { ...load, times }),
      ]),
      { name: two, run: (times) => stream(http2, service, { ...load, times }) },
    ]);
    rows.push(
      {
        what: `records/s: ${two} ÷ ${one}`,
        ...measured.ratio(two, one, perSecond),
        control: measured.control(one, perSecond),
        target: { atLeast: 0.5 },
      },
      {
        what: `CPU a record: ${two} ÷ ${one}`,
        ...measured.ratio(two, one, cpuPerRecord),
        control: measured.control(one, cpuPerRecord),
      },
      ...[one, two].map((name) => ({ what: name, value: measured.spread(name, perSecond), unit: 'records/s' })),
    );
  }
  return {
    id: 'k',
    title: 'HTTP/2',
    rows,
    notes: [
      `The other system of the calls: ${airports.description}, over HTTP/1.1. 100 calls at a time, ordered.`,
      'Without TLS, with prior knowledge: one stream on a connection of its own, from the client of Node.js.',
    ],
  };
}
