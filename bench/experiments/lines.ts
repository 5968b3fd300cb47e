import { airportsCsv, flights, ndjson, type Bench } from '../bench.ts';
import { ratioOf, spreadOf, type Figures, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu } from '../processes.ts';
import { figure, inTurn, runsOf, type Contender } from '../rounds.ts';
import { startService } from '../service.ts';

const echo = 'raw echo';
const lineBytes = 197;
const megabytesIn = (figures: Figures): number => figure(figures, 'bytesIn') / 1000 / figure(figures, 'elapsedMs');
const cpuPerLine = (figures: Figures): number =>
  figure(figures, 'cpuMicros') / (figure(figures, 'bytesIn') / lineBytes);
const megabytesOut = (figures: Figures): number => figure(figures, 'bytesOut') / 1000 / figure(figures, 'elapsedMs');

/** Lines through the whole service with a lookup that answers at once, compared with a server that sends the body back unchanged. */
export async function linesThrough(bench: Bench): Promise<Section> {
  const file = bench.file('wide-flights.ndjson', ndjson(wide()));
  const { pid, url } = await startService(bench, 'lines', {
    lookups: { airport: { table: { file: airportsCsv, key: 'iata' } } },
    pipelines: {
      flights: { enrich: [{ lookup: 'airport', with: { iata: '/origin' }, into: '/originAirport' }] },
    },
  });
  const echoServer = await startWorker(bench, 'echo-server.ts');
  const echoUrl = `http://127.0.0.1:${echoServer.ready['port']}/echo`;
  const client = await startWorker(bench, 'load-client.ts');
  const through = async (mode: string, times: number): Promise<Figures> => {
    const figures = await withCpu(pid, () => client.run({ url: `${url}/flights?mode=${mode}`, file, times }));
    if (figure(figures, 'written') !== figure(figures, 'bytesIn') / lineBytes || figure(figures, 'errors') !== 0)
      throw new Error(`the service wrote ${figures['written']} records, ${figures['errors']} of them errors`);
    return figures;
  };
  const contenders: Contender[] = [
    { name: echo, run: (times) => withCpu(echoServer.pid, () => client.run({ url: echoUrl, file, times })) },
    { name: 'ordered', run: (times) => through('ordered', times) },
    { name: 'unordered', run: (times) => through('unordered', times) },
  ];
  const measured = await inTurn(bench, contenders, 2);
  const rates = (name: string): number[] => runsOf(measured, name, megabytesIn);
  return {
    id: 'd',
    title: 'Lines through the service with a lookup in a table',
    rows: [
      ...['ordered', 'unordered'].flatMap((mode): Row[] => [
        { what: mode, value: spreadOf(rates(mode)), unit: 'MB/s in', target: { atLeast: 100 }, either: mode },
        {
          what: `${mode} ÷ ${echo}`,
          value: ratioOf(rates(mode), rates(echo)),
          unit: '×',
          target: { atLeast: 0.5 },
          either: mode,
        },
      ]),
      { what: echo, value: spreadOf(rates(echo)), unit: 'MB/s in' },
      { what: 'ordered', value: spreadOf(runsOf(measured, 'ordered', megabytesOut)), unit: 'MB/s out' },
      {
        what: 'ordered',
        value: spreadOf(rates('ordered').map((rate) => (rate * 1e6) / lineBytes)),
        unit: 'records/s',
      },
      ...contenders.map(({ name }) => ({
        what: name,
        value: spreadOf(runsOf(measured, name, cpuPerLine)),
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
