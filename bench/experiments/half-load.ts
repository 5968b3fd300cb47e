import { ndjson, type Bench } from '../bench.ts';
import { figure, Measured, perSecond, type Pick, type Section } from '../figures.ts';
import { startWorker, withCpu } from '../processes.ts';
import { inTurn, withControl, type Contender } from '../rounds.ts';
import { startService, type Service } from '../service.ts';
import { callForEach, stream } from '../streams.ts';

const bare = 'bare undici dispatch';
const own = 'Millrace';
const micros = 5000;
const capacity = 100;
const medianMs: Pick = (figures) => figure(figures, 'medianMs');
const p99Ms: Pick = (figures) => figure(figures, 'p99Ms');

/** The time that the service adds to a call, while it runs at half of its highest rate. */
export async function halfLoad(bench: Bench): Promise<Section> {
  const load = await startWorker(bench, 'paced-load.ts');
  const origin = `http://127.0.0.1:${load.ready['port']}`;
  const started = (name: string) =>
    startService(bench, name, {
      lookups: { wait: callForEach({ http: { url: `${origin}/wait/{us}` } }) },
      pipelines: { wait: { capacity, enrich: [{ lookup: 'wait', with: { us: '/us' }, into: '/answer' }] } },
    });
  const services = [await started('half-load'), await started('control')] as const;
  const relay = await startWorker(bench, 'bare-relay.ts', [origin, `/wait/${micros}`]);
  const highest = await highestRate(bench, services[0]);
  // Half of the usual time: the median is that of thousands of records.
  const rate = { records: Math.round((highest / 4) * bench.seconds), perSecond: highest / 2 };
  const through = (service: Service) => () =>
    withCpu(service.pid, () => load.run({ url: `${service.url}/wait`, ...rate }));
  const alone = async () => {
    const measured = withCpu(relay.pid, () => relay.run({ records: rate.records }));
    const sent = load.run({ port: figure(relay.ready, 'port'), ...rate });
    const [figures] = await Promise.all([measured, sent]);
    return figures;
  };
  const size = rate.records;
  const contenders: Contender[] = [
    { name: bare, run: alone, size },
    ...withControl(own, [through(services[0]), through(services[1])], { size }),
  ];
  const measured = await inTurn(bench, contenders);
  const added = (pick: Pick) => ({
    ...measured.difference(own, bare, pick, 'ms'),
    control: measured.difference(own, Measured.again(own), pick, 'ms'),
  });
  return {
    id: 'f',
    title: 'Latency added to a record at half load',
    rows: [
      { what: `median time of a record: ${own} − ${bare}`, ...added(medianMs), target: { atMost: 0.3 } },
      { what: `99th percentile: ${own} − ${bare}`, ...added(p99Ms) },
      ...[own, bare].flatMap((what) => [
        { what: `${what}, median`, value: measured.spread(what, medianMs), unit: 'ms' },
        { what: `${what}, 99th percentile`, value: measured.spread(what, p99Ms), unit: 'ms' },
      ]),
    ],
    notes: [
      `Calls of ${micros / 1000} ms, capacity ${capacity}, ordered. At full load ${Math.round(highest)} records/s; measured at half of that, one record after the other at random times.`,
      'Millrace: from the write of a line to the arrival of its result. Bare: from the start of the call to the end of its answer.',
      'Client and other system are one process, which loops without sleeping on one core.',
    ],
  };
}

/** Records a second if the client sends as fast as the service reads; the second of two runs. */
async function highestRate(bench: Bench, service: Service): Promise<number> {
  const records = bench.seconds * 5000;
  const file = bench.file('full-load.ndjson', ndjson(Array.from({ length: records }, () => ({ us: micros }))));
  const client = await startWorker(bench, 'load-client.ts');
  const run = () => stream(client, service, { path: 'wait', file, records });
  await run();
  return perSecond(await run());
}
