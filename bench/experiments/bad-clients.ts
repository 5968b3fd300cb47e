import { setTimeout as wait } from 'node:timers/promises';
import { airportsCsv, flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, figure, perSecond, type Figures, type Row, type Section } from '../figures.ts';
import { startWorker, withCpu } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';
import type { Service } from '../service.ts';
import { callForEach, startFlights, stream } from '../streams.ts';

const clients = 1000;
/** A run begins when the service has handled the first bytes of all bad clients: it takes less than this part of a core. */
const settled = { share: 0.3, everyMs: 500 } as const;
const limits = { streams: 2 * clients, connections: 2 * clients };
const beside = (name: string): string => `${name}, beside ${clients.toLocaleString('en-US')} bad clients`;

/** The rate of a stream alone, and beside bad clients of its service. */
export async function besideBadClients(bench: Bench): Promise<Section> {
  const list = flights();
  const file = bench.file('flights.ndjson', ndjson(list));
  const airports = await startAirports(bench);
  const lookups = {
    'a table': { table: { file: airportsCsv, key: 'iata' } },
    'HTTP calls': callForEach({ http: { url: `${airports.origin}/airports/{iata}` } }),
  };
  const client = await startWorker(bench, 'load-client.ts');
  const crowd = await startWorker(bench, 'bad-clients.ts');

  const alone = (service: Service) => (times: number) =>
    stream(client, service, { path: 'flights', file, records: list.length, times });
  const crowded = (service: Service) => async (times: number) => {
    const port = Number(new URL(service.url).port);
    await crowd.run({ port, clients });
    await untilSettled(service);
    const figures = await alone(service)(times);
    const { open, began } = counts(await crowd.run({ port, clients: 0 }));
    return { ...figures, open, began };
  };
  const contenders: Contender[] = [];
  for (const [name, lookup] of Object.entries(lookups)) {
    const start = (which: string): Promise<Service> =>
      startFlights(bench, `${name} ${which}`, lookup, undefined, { limits });
    const first = alone(await start('alone'));
    // The time of a run beside bad clients includes their start: its size is that of a run alone.
    const size = await sizeOf(first, bench.seconds / 2);
    contenders.push(...withControl(name, [first, alone(await start('control'))], { size }), {
      name: beside(name),
      run: crowded(await start('crowded')),
      size,
    });
  }
  const measured = await inTurn(bench, contenders);
  return {
    id: 'l',
    title: 'A healthy stream beside bad clients',
    rows: Object.keys(lookups).flatMap((name): Row[] => [
      {
        what: `records/s: ${beside(name)} ÷ alone`,
        ...measured.ratio(beside(name), name, perSecond),
        target: { atLeast: 0.8 },
        control: measured.control(name, perSecond),
      },
      {
        what: `CPU of the service a record: ${beside(name)} ÷ alone`,
        ...measured.ratio(beside(name), name, cpuPerRecord),
        control: measured.control(name, cpuPerRecord),
      },
      ...[name, beside(name)].map((what) => ({ what, value: measured.spread(what, perSecond), unit: 'records/s' })),
    ]),
    notes: [
      `${clients} bad clients at a time, an equal number of each kind: heads that never end (a byte a second), senders of a byte a second, readers of a block a second, half-closes, early closes and resets in the middle of a body, and bombs of 20 MB. One whose connection is closed begins again after 10 to 30 s: about ${Math.round(measured.spread(beside('a table'), (run) => figure(run, 'began')).median - clients)} new connections during a run and the seconds before it.`,
      'The bad clients are one process that is idle most of the time; its CPU is not that of the service, and on two cores the healthy client and the service have the rest.',
      `A table answers at once, so that the service computes all the time; the other system of the calls: ${airports.description}.`,
    ],
  };
}

/** How many times the file is sent in these seconds. The first run lets the compiler finish. */
async function sizeOf(run: (times: number) => Promise<Figures>, seconds: number): Promise<number> {
  const warm = 5;
  await run(warm);
  const ms = figure(await run(warm), 'elapsedMs');
  return Math.max(1, Math.round((seconds * 1000 * warm) / ms));
}

/** Throws an Error if the service is busy for half a minute. */
async function untilSettled({ pid }: Service): Promise<void> {
  const { share, everyMs } = settled;
  for (let left = 60; left > 0; left--) {
    const used = await withCpu(pid, () => wait(everyMs, {}));
    if (figure(used, 'cpuMicros') < share * everyMs * 1000) return;
  }
  throw new Error('the bad clients keep the service busy');
}

/** Throws an Error if the bad clients were not there: a service that refuses them all would be measured alone. */
function counts(figures: Figures): { readonly open: number; readonly began: number } {
  const [open, began] = [figure(figures, 'open'), figure(figures, 'began')];
  // Three of seven kinds stay connected until a limit of a minute ends them: some of those are in their pause.
  if (open < (clients * 3) / 14) throw new Error(`only ${open} bad clients were connected at the end of a run`);
  return { open, began };
}
