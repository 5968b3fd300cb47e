import { beforeAll, describe, expect, test } from 'vitest';
import { createMetrics } from '../../src/observability/metrics/metrics.ts';
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

/** What a scrape has: its types, and the labels of its samples without `le`. */
function families(scrape: string): readonly Family[] {
  return Array.from(scrape.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name = '', type = '']) => {
    const samples = scrape.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\}`, 'gm'));
    const labels = Array.from(samples, ([, text = '']) =>
      Array.from(text.matchAll(/(\w+)="/g), ([, label = '']) => label),
    );
    return { name, type, labels: new Set(labels.flat().filter((label) => label !== 'le')) };
  });
}

const told = ({ name, type }: Family): string => `${name} ${type}`;

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
      connections: { open: 1, idle: 0, limit: 1, closedIdle: 0, refused: 0 },
    }));
    const lookup = metrics.observer.lookup('l');
    lookup.called('ok', 1);
    lookup.layer('cache', () => ({
      totals: { hit: 1, negative: 0, stale: 0, miss: 1, evictions: 0 },
      now: { entries: 1 },
    }));
    lookup.table(() => ({ rows: 1, reloads: { ok: 0, failed: 0 }, current: true }));
    exposed = families(await metrics.scrape());
  });

  test('the page has every metric that is exposed, with its type, and no other', () => {
    // Elsewhere than on Linux the process tells less of itself.
    const present =
      process.platform === 'linux'
        ? documented
        : documented.filter(({ name }) => exposed.some((other) => other.name === name));
    expect(present.map(told).toSorted()).toEqual(exposed.map(told).toSorted());
  });

  test('the page has the labels of every metric of ours', () => {
    expect(labelsOfOurs(documented)).toEqual(labelsOfOurs(exposed));
  });
});

test('no page names a metric that there is not', () => {
  const names = new Set(
    documented.flatMap(({ name, type }) => (type === 'histogram' ? [name, `${name}_bucket`] : [name])),
  );
  const named = [...pages].flatMap(([, text]) => text.match(/\bmillrace_[a-z_]*[a-z]\b/g) ?? []);
  expect(new Set(named).difference(names)).toEqual(new Set());
});

test('a query asks by labels that the metric has', () => {
  const wrong = fencesOf(page('metrics.md'))
    .filter(({ language }) => language === 'promql')
    .flatMap(({ text }) => {
      const labels = new Set(
        documented.filter(({ name }) => text.includes(name)).flatMap((family) => [...family.labels, 'le']),
      );
      const asked = Array.from(text.matchAll(/by \(([^)]*)\)/g), ([, list = '']) => list.split(', ')).flat();
      const matched = Array.from(text.matchAll(/(\w+)(?:!~|=~|!=|=)"/g), ([, label = '']) => label);
      return [...asked, ...matched].filter((label) => !labels.has(label)).map((label) => `${label} in ${text}`);
    });
  expect(wrong).toEqual([]);
});
