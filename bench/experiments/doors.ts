import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { flights, ndjson, type Bench } from '../bench.ts';
import { startAirports } from '../downstream.ts';
import { cpuPerRecord, perSecond, type Section } from '../figures.ts';
import { startWorker } from '../processes.ts';
import { inTurn, withControl } from '../rounds.ts';
import type { Service } from '../service.ts';
import { callForEach, startFlights, stream } from '../streams.ts';

const plain = 'plain HTTP';
const withToken = 'a bearer token';
const secure = 'TLS and a bearer token';

/** What a bearer token and TLS cost a stream: its client sends over https, and Millrace encrypts every answer. */
export async function throughDoors(bench: Bench): Promise<Section> {
  const list = flights();
  const file = bench.file('flights.ndjson', ndjson(list));
  const airports = await startAirports(bench);
  const airport = callForEach({ http: { url: `${airports.origin}/airports/{iata}` } });
  const token = 'token-of-the-benchmark';
  const auth = { bearerTokens: [token] };
  const tls = selfSigned(bench);
  setDefaultCACertificates([...getCACertificates(), readFileSync(tls.cert, 'utf8')]);
  const start = (name: string, server: object): Promise<Service> =>
    startFlights(bench, name, airport, undefined, server);
  const open = await start('open', {});
  const control = await start('open-control', {});
  const guarded = await start('guarded', { auth });
  const encrypted = await start('encrypted', { auth, tls });
  const client = await startWorker(bench, 'load-client.ts');
  const through =
    (service: Service, door: object = {}) =>
    (times: number) =>
      stream(client, service, { path: 'flights', file, records: list.length, times, door });
  const measured = await inTurn(bench, [
    ...withControl(plain, [through(open), through(control)]),
    { name: withToken, run: through(guarded, { token }) },
    { name: secure, run: through(encrypted, { token, ca: tls.cert }) },
  ]);
  const cpu = { control: measured.control(plain, cpuPerRecord) };
  const rate = { control: measured.control(plain, perSecond) };
  return {
    id: 'i',
    title: 'TLS and a bearer token',
    rows: [
      {
        what: `CPU a record: ${secure} ÷ ${plain}`,
        ...measured.ratio(secure, plain, cpuPerRecord),
        target: { atMost: 1.15 },
        ...cpu,
      },
      { what: `CPU a record: ${withToken} ÷ ${plain}`, ...measured.ratio(withToken, plain, cpuPerRecord), ...cpu },
      { what: `records/s: ${secure} ÷ ${plain}`, ...measured.ratio(secure, plain, perSecond), ...rate },
      ...[plain, withToken, secure].flatMap((name) => [
        { what: name, value: measured.spread(name, cpuPerRecord), unit: 'µs CPU a record' },
        { what: name, value: measured.spread(name, perSecond), unit: 'records/s' },
      ]),
    ],
    notes: [
      `The other system: ${airports.description}, over plain HTTP. 100 calls at a time, one lookup for each record, ordered.`,
      'TLS 1.3 with a key of the curve P-256; one connection for each stream, so a handshake is a small part.',
    ],
  };
}

/** A certificate for 127.0.0.1 that is its own authority. */
function selfSigned(bench: Bench): { readonly cert: string; readonly key: string } {
  const [cert, key] = [bench.file('tls.crt', ''), bench.file('tls.key', '')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  return { cert, key };
}
