import { airportsCsv, flights, ndjson, type Bench } from '../bench.ts';
import { figure, spreadOf, type Figures, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';
import type { Service } from '../service.ts';
import { startFlights, stream } from '../streams.ts';

const echo = 'raw echo';
const modes = ['ordered', 'unordered'] as const;
const lineBytes = 197;
const megabytesIn = (figures: Figures): number => figure(figures, 'bytesIn') / 1000 / figure(figures, 'elapsedMs');
const cpuPerLine = (figures: Figures): number =>
  figure(figures, 'cpuMicros') / (figure(figures, 'bytesIn') / lineBytes);
const megabytesOut = (figures: Figures): number => figure(figures, 'bytesOut') / 1000 / figure(figures, 'elapsedMs');

/** Lines through the whole service with a lookup that answers at once, compared with a server that sends the body back unchanged. */
export async function linesThrough(bench: Bench): Promise<Section> {
  const lines = [...wide()];
  const file = bench.file('wide-flights.ndjson', ndjson(lines));
  const table = { table: { file: airportsCsv, key: 'iata' } };
  const services = [await startFlights(bench, 'lines', table), await startFlights(bench, 'control', table)] as const;
  const echoServer = await startWorker(bench, 'echo-server.ts');
  const echoUrl = `http://127.0.0.1:${echoServer.ready['port']}/echo`;
  const client = await startWorker(bench, 'load-client.ts');
  const through = (service: Service, mode: string) => (times: number) =>
    stream(client, service, { path: `flights?mode=${mode}`, file, records: lines.length, times });
  const contenders: Contender[] = [
    { name: echo, run: (times) => withCpu(echoServer.pid, () => client.run({ url: echoUrl, file, times })) },
    ...modes.flatMap((mode) => withControl(mode, [through(services[0], mode), through(services[1], mode)])),
  ];
  const measured = await inTurn(bench, contenders, 2);
  const rates = measured.runs('ordered', megabytesIn);
  return {
    id: 'd',
    title: 'Lines through the service with a lookup in a table',
    rows: [
      ...modes.flatMap((mode): Row[] => {
        const control = measured.control(mode, megabytesIn);
        return [
          {
            what: mode,
            value: measured.spread(mode, megabytesIn),
            unit: 'MB/s in',
            target: { atLeast: 200 },
            control,
            either: mode,
          },
          {
            what: `${mode} ÷ ${echo}`,
            ...measured.ratio(mode, echo, megabytesIn),
            target: { atLeast: 0.5 },
            control,
            either: mode,
          },
        ];
      }),
      { what: echo, value: measured.spread(echo, megabytesIn), unit: 'MB/s in' },
      { what: 'ordered', value: measured.spread('ordered', megabytesOut), unit: 'MB/s out' },
      { what: 'ordered', value: spreadOf(rates.map((rate) => (rate * 1e6) / lineBytes)), unit: 'records/s' },
      ...[echo, ...modes].map((name) => ({
        what: name,
        value: measured.spread(name, cpuPerLine),
        unit: 'µs CPU a record',
      })),
    ],
    notes: [
      `Lines of ${lineBytes} bytes; the answer makes each about 120 bytes longer. Each mode has two targets, of which one has to be met: MB/s in, or half of the echo.`,
      'Client and server share the machine: the time that the client needs to send and to read is part of both figures.',
    ],
  };
}

/** Flights with a member that makes every line equally long. */
function* wide(): Generator<object> {
  for (const flight of flights()) {
    const filled = (remark: string): object => ({ ...flight, airline: 'an airline', tail: 'N00000', remark });
    const bare = JSON.stringify(filled('')).length + 1;
    yield filled('on time '.repeat(lineBytes).slice(0, lineBytes - bare));
  }
}
