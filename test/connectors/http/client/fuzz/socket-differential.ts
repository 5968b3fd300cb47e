import { systemClock } from '../../../../../src/core/time/time.ts';
import { LeanClients } from '../../../../../src/connectors/http/client/lean-client.ts';
import { UndiciClients } from '../../../../../src/connectors/http/client/undici-client.ts';
import { anyRoute, type Certificate, type Protocol } from '../both-ends.ts';
import { brokenRule, isSeenAlike, socketDifferences } from './socket-differences.ts';
import { seeded } from '../../../../../bench/random.ts';
import { mutant } from './mutants.ts';
import { faults, openLane, play, poison, type Scenario, type Seen } from './socket-play.ts';

export interface SocketDifferentialResult {
  /** Scenarios in which both clients show the caller the same, by fault. */
  readonly alike: Readonly<Record<string, number>>;
  /** Scenarios in which they do not, by the name of the difference. */
  readonly different: Readonly<Record<string, number>>;
  /** Scenarios whose difference has no name, or in which Millrace's client breaks a rule. */
  readonly unexplained: readonly {
    readonly number: number;
    readonly rule?: string;
    readonly scenario: Scenario;
    readonly ours: Seen;
    readonly theirs: Seen;
  }[];
  /** Scenarios whose first answer both take. */
  readonly taken: number;
}

function scenarioOf(random: () => number): Scenario {
  const below = (bound: number): number => Math.floor(random() * bound);
  const fault = faults[below(faults.length)] ?? 'none';
  const { text } = mutant(random, random() < 0.5 ? 0 : 3);
  const bytes = Buffer.from(fault === 'poison with the end of the answer' ? text + poison : text, 'latin1');
  const written = fault.endsWith('within the answer') ? bytes.subarray(0, below(bytes.length)) : bytes;
  const dribbles = random() < 0.1;
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < written.length;) {
    const to = dribbles ? from + 1 : from + 1 + below(written.length);
    pieces.push(written.subarray(from, to));
    from = to;
  }
  if (fault === 'poison behind the answer') pieces.push(Buffer.from(poison));
  return { fault, text: Buffer.concat(pieces).toString('latin1'), pieces };
}

/** Plays `count` scenarios, which `seed` determines, to both clients over real sockets. */
export async function compareOverSockets(
  protocol: Protocol,
  certificate: Certificate,
  { seed, count }: { readonly seed: number; readonly count: number },
): Promise<SocketDifferentialResult> {
  const shared = { method: 'GET', tls: { ca: certificate.cert }, clock: systemClock, route: anyRoute };
  const [lean, undici] = await Promise.all([
    openLane(protocol, certificate, (origin) => new LeanClients({ ...shared, origin })),
    openLane(protocol, certificate, (origin) => new UndiciClients({ ...shared, origin, http2: false, pipelining: 1 })),
  ]);
  const random = seeded(seed);
  const alike: Record<string, number> = {};
  const different: Record<string, number> = {};
  const unexplained: SocketDifferentialResult['unexplained'][number][] = [];
  let taken = 0;
  for (let number = 0; number < count; number += 1) {
    const scenario = scenarioOf(random);
    // oxlint-disable-next-line no-await-in-loop
    const [ours, theirs] = await Promise.all([play(lean, scenario), play(undici, scenario)]);
    if (ours.first.code === undefined && theirs.first.code === undefined) taken += 1;
    const rule = brokenRule(ours, scenario);
    if (rule !== undefined) {
      unexplained.push({ number, rule, scenario, ours, theirs });
    } else if (isSeenAlike(ours, theirs)) {
      alike[scenario.fault] = (alike[scenario.fault] ?? 0) + 1;
    } else {
      const name = socketDifferences.find(({ holds }) => holds(ours, theirs, scenario))?.name;
      if (name === undefined) unexplained.push({ number, scenario, ours, theirs });
      else different[name] = (different[name] ?? 0) + 1;
    }
  }
  await Promise.all([lean, undici].map(({ server }) => new Promise((resolve) => server.close(resolve))));
  return { alike, different, unexplained, taken };
}
