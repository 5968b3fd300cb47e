import { beforeAll, describe, expect, test } from 'vitest';
import { Refusals } from '../../src/core/observer/refusals.ts';
import { createMetrics } from '../../src/observability/metrics/metrics.ts';
import { type HandshakeFailure, handshakeFailures } from '../../src/core/vocabulary.ts';
import { codes, fencesOf, page, pages, rows } from './pages.ts';

interface Family {
  readonly name: string;
  readonly type: string;
  readonly labels: ReadonlySet<string>;
}

const documented: readonly Family[] = rows(page('metrics.md')).map(([name, type = '', labels]) => ({
  name: codes(name)[0] ?? '',
  type,
  labels: new Set(codes(labels)),
}));

/** The metrics of a scrape with their types and labels; `le` is left out. */
function families(scrape: string): readonly Family[] {
  return Array.from(scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name = '', type = '']) => {
    const samples = scrape.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\}`, 'gm'));
    const labels = Array.from(samples, ([, text = '']) =>
      Array.from(text.matchAll(/(\w+)="/g), ([, label = '']) => label),
    );
    return { name, type, labels: new Set(labels.flat().filter((label) => label !== 'le')) };
  });
}

const nameAndType = ({ name, type }: Family): string => `${name} ${type}`;

function labelsOfOurs(all: readonly Family[]): object {
  const ours = all.filter(({ name }) => name.startsWith('millrace_'));
  return Object.fromEntries(ours.map(({ name, labels }) => [name, labels]));
}

describe('docs/metrics.md and a scrape', () => {
  let exposed: readonly Family[] = [];

  beforeAll(async () => {
    const metrics = createMetrics({ version: '0.0.0' });
    const pipeline = metrics.observer.pipeline('p');
    pipeline.streamOpened('ordered', () => ({
      capacity: 1,
      inFlight: 0,
      retryWaiting: 0,
      completedWaiting: 0,
      stopped: undefined,
    }));
    metrics.service(() => ({
      memory: { heldBytes: 0, limitBytes: 1, waiting: 0 },
      requests: { stream: 1, record: 0, explain: 0 },
      spool: {
        streams: 1,
        bytes: 1,
        diskBytes: 1,
        limitBytes: 1,
        spooledBytes: 1,
        refused: { stream_full: 0, all_full: 0, disk: 0 },
      },
      connections: { open: 1, idle: 0, limit: 1, closedIdle: 0, refused: 0 },
      refused: new Refusals().toObject(),
      tls: {
        notAfterMs: { cert: 1, clientCa: null },
        failedHandshakes: Object.fromEntries(handshakeFailures.map((reason) => [reason, 0])) as Record<
          HandshakeFailure,
          number
        >,
      },
    }));
    const lookup = metrics.observer.lookup('l');
    lookup.called('ok', 1);
    lookup.layer('cache', () => ({
      totals: { hit: 1, negative: 0, stale: 0, miss: 1, evictions: 0 },
      now: { entries: 1 },
    }));
    lookup.layer('breaker', () => ({ totals: { opened: 0 }, now: { closed: 1, open: 0, half_open: 0 } }));
    lookup.layer('rateLimit', () => ({ now: { perSecond: 50, burst: 5 } }));
    lookup.layer('pause', () => ({ totals: { pauses: 1 }, now: { paused: 0 } }));
    lookup.layer('oauth2', () => ({
      totals: { ok: 1, unreachable: 0, timeout: 0, bad_status: 0, bad_response: 0, refused: 0 },
      latest: { expiresAt: 1_800_000_000 },
    }));
    lookup.layer('hedge', () => ({ totals: { made: 0, won: 0 } }));
    lookup.layer('concurrency', () => ({
      queued: 0,
      now: { limit: 50, running: 0 },
      totals: { growth: 1, queueing: 2, failures: 3, measuring: 4 },
      latest: { min: 5, roundTripMs: 250, unloadedMs: 200 },
    }));
    lookup.layer('batch', () => ({ totals: { batches: 0, requests: 0, splits: 0 } }));
    lookup.table(() => ({ rows: 1, reloads: { ok: 0, failed: 0 }, current: true }));
    exposed = families(await metrics.scrape());
  });

  test('the page has every metric that is exposed, with its type, and no others', () => {
    // On other systems than Linux the process has fewer metrics.
    const present =
      process.platform === 'linux'
        ? documented
        : documented.filter(({ name }) => exposed.some((other) => other.name === name));
    expect(present.map(nameAndType).toSorted()).toEqual(exposed.map(nameAndType).toSorted());
  });

  test('the page has the labels of every millrace_ metric', () => {
    expect(labelsOfOurs(documented)).toEqual(labelsOfOurs(exposed));
  });
});

test('every metric that a page names exists', () => {
  const names = new Set(
    documented.flatMap(({ name, type }) =>
      type === 'histogram' ? ['', '_bucket', '_sum', '_count'].map((end) => name + end) : [name],
    ),
  );
  const named = [...pages].flatMap(([, text]) => text.match(/\bmillrace_[a-z_]*[a-z]\b/g) ?? []);
  expect(new Set(named).difference(names)).toEqual(new Set());
});

test('the queries of docs/metrics.md use only labels of their metrics', () => {
  const wrong = fencesOf(page('metrics.md'))
    .filter(({ language }) => language === 'promql')
    .flatMap(({ text }) => {
      const labels = new Set(
        documented.filter(({ name }) => text.includes(name)).flatMap((family) => [...family.labels, 'le']),
      );
      const grouped = Array.from(text.matchAll(/by \(([^)]*)\)/g), ([, list = '']) => list.split(', ')).flat();
      const matched = Array.from(text.matchAll(/(\w+)(?:!~|=~|!=|=)"/g), ([, label = '']) => label);
      return [...grouped, ...matched].filter((label) => !labels.has(label)).map((label) => `${label} in ${text}`);
    });
  expect(wrong).toEqual([]);
});
