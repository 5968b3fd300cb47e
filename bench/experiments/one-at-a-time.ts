import { flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, figure, type Figures, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';
import type { Service } from '../service.ts';
import { startFlights, stream } from '../streams.ts';

const own = 'Millrace';
const withUndici = 'Millrace with client: undici';
const microsPerRecord = (figures: Figures): number =>
  (figure(figures, 'elapsedMs') * 1000) / figure(figures, 'records');

/** A stream with the capacity 1: the time of a record without any other one beside it. */
export async function oneAtATime(bench: Bench): Promise<Section> {
  const list = flights().slice(0, 500);
  const file = bench.file('flights.ndjson', ndjson(list));
  const airports = await startAirports(bench);
  const url = `${airports.origin}/airports/{iata}`;
  const client = await startWorker(bench, 'load-client.ts');
  const through = (service: Service) => (times: number) =>
    stream(client, service, { path: 'flights?capacity=1', file, records: list.length, times });
  const lean = through(await startFlights(bench, 'lean', { http: { url } }));
  const control = through(await startFlights(bench, 'control', { http: { url } }));
  const undici = through(await startFlights(bench, 'undici', { http: { url, client: 'undici' } }));
  const contenders: Contender[] = [...withControl(own, [lean, control]), { name: withUndici, run: undici }];
  const measured = await inTurn(bench, contenders, 1, bench.seconds / 2);
  return {
    id: 'e',
    title: 'One record at a time',
    rows: [
      {
        what: `time of a record: ${own} ÷ ${withUndici}`,
        ...measured.ratio(own, withUndici, microsPerRecord),
        target: { atMost: 1 },
        control: measured.control(own, microsPerRecord),
      },
      ...[own, withUndici].flatMap((what) => [
        { what, value: measured.spread(what, microsPerRecord), unit: 'µs a record' },
        { what, value: measured.spread(what, cpuPerRecord), unit: 'µs CPU a record' },
      ]),
    ],
    notes: [
      `The other system: ${airports.description}. A stream with capacity 1: the call of a record starts after the result of the one before has left.`,
    ],
  };
}
