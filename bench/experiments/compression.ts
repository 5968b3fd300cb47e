import { readFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { airportsCsv, flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, perSecond, type Row, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, withControl } from '../rounds.ts';
import type { Service } from '../service.ts';
import { callForEach, startFlights, stream } from '../streams.ts';

const codings = { gzip: gzipSync, zstd: zstdCompressSync };
const names = Object.keys(codings);

/** What compression in both directions costs a stream, with a lookup over HTTP and with one in a table. */
export async function compressed(bench: Bench): Promise<Section> {
  const list = flights();
  const plainFile = bench.file('flights.ndjson', ndjson(list));
  const airports = await startAirports(bench);
  const lookups = {
    'HTTP calls': callForEach({ http: { url: `${airports.origin}/airports/{iata}` } }),
    'a table': { table: { file: airportsCsv, key: 'iata' } },
  };
  const client = await startWorker(bench, 'load-client.ts');
  const files = new Map(
    Object.entries(codings).map(([coding, encode]) => [
      coding,
      bench.file(`flights.ndjson.${coding}`, encode(readFileSync(plainFile))),
    ]),
  );
  const through = (service: Service, coding?: string) => (times: number) => {
    const file = files.get(coding ?? '') ?? plainFile;
    return stream(client, service, { path: 'flights', file, records: list.length, times, coding });
  };
  const rows: Row[] = [];
  for (const [lookup, options] of Object.entries(lookups)) {
    // oxlint-disable-next-line no-await-in-loop
    const [service, control] = [
      await startFlights(bench, lookup, options),
      await startFlights(bench, `${lookup}-control`, options),
    ];
    const plain = `${lookup}, not compressed`;
    // oxlint-disable-next-line no-await-in-loop
    const contenders = [
      ...withControl(plain, [through(service), through(control)]),
      ...names.map((coding) => ({ name: `${lookup}, ${coding} both ways`, run: through(service, coding) })),
    ];
    // oxlint-disable-next-line no-await-in-loop
    const measured = await inTurn(bench, contenders, 1, bench.seconds / 2);
    const rate = { control: measured.control(plain, perSecond) };
    const cpu = { control: measured.control(plain, cpuPerRecord) };
    const target = lookup === 'HTTP calls' ? { target: { atLeast: 0.6 } } : {};
    const coded = names.map((coding) => `${lookup}, ${coding} both ways`);
    rows.push(
      ...coded.map((name) => ({
        what: `records/s: ${name} ÷ ${plain}`,
        ...measured.ratio(name, plain, perSecond),
        ...rate,
        ...target,
      })),
      ...coded.map((name) => ({
        what: `CPU a record: ${name} ÷ ${plain}`,
        ...measured.ratio(name, plain, cpuPerRecord),
        ...cpu,
      })),
      ...[plain, ...coded].map((name) => ({ what: name, value: measured.spread(name, perSecond), unit: 'records/s' })),
    );
  }
  return {
    id: 'j',
    title: 'Compression',
    rows,
    notes: [
      `The other system of the calls: ${airports.description}, which does not compress. 100 calls at a time, ordered.`,
      'The client sends bodies that were compressed before, and does not decode: the trailers say what was written.',
      'Compression runs on other threads: on two cores, the client and the other system have that time less.',
    ],
  };
}
