import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';

const family = { name: 'made', help: 'Made.', labelNames: ['lookup'], registers: [] };
const empty = new Histogram(family);

/** A histogram whose values are made when they are read. */
class Made extends Histogram {
  async getForPromString(): ReturnType<Histogram['get']> {
    const values = [
      { metricName: 'made_bucket', labels: { le: 0.5, lookup: 'a' }, value: 41 },
      { metricName: 'made_sum', labels: { lookup: 'a' }, value: 2.5 },
    ];
    return { ...(await empty.get()), values };
  }
}

test("prom-client's registry writes the values that getForPromString of a metric resolves to", async () => {
  const registry = new Registry();
  registry.registerMetric(new Made(family));
  expect((await registry.metrics()).trim().split('\n')).toEqual([
    '# HELP made Made.',
    '# TYPE made histogram',
    'made_bucket{le="0.5",lookup="a"} 41',
    'made_sum{lookup="a"} 2.5',
  ]);
});
