import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../../src/observability/metrics/metrics.ts';

async function scraped(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  return (await metrics.scrape()).split('\n').filter((line) => line.includes('millrace_function'));
}

describe('the metrics of a function', () => {
  test('are on /metrics with the lookup as label, and with the names of their groups', async () => {
    const metrics = createMetrics({ version: '0.0.0' });
    const [a, b] = [metrics.observer.functionMetrics('a').group, metrics.observer.functionMetrics('b').group];
    a.counter('calls').inc();
    a.counter('calls').inc(2);
    b.counter('calls').inc(5);
    b.group('db')
      .group('pool')
      .gauge('open', () => 7);
    a.histogram('rows', [1, 10]).observe(4);
    expect(await scraped(metrics)).toEqual([
      '# HELP millrace_function_calls_total Counted by the function of a lookup.',
      '# TYPE millrace_function_calls_total counter',
      'millrace_function_calls_total{lookup="a"} 3',
      'millrace_function_calls_total{lookup="b"} 5',
      '# HELP millrace_function_db_pool_open Counted by the function of a lookup.',
      '# TYPE millrace_function_db_pool_open gauge',
      'millrace_function_db_pool_open{lookup="b"} 7',
      '# HELP millrace_function_rows Counted by the function of a lookup.',
      '# TYPE millrace_function_rows histogram',
      'millrace_function_rows_bucket{le="1",lookup="a"} 0',
      'millrace_function_rows_bucket{le="10",lookup="a"} 1',
      'millrace_function_rows_bucket{le="+Inf",lookup="a"} 1',
      'millrace_function_rows_sum{lookup="a"} 4',
      'millrace_function_rows_count{lookup="a"} 1',
    ]);
  });

  test('a gauge that throws has no value, and the other metrics keep theirs', async () => {
    const metrics = createMetrics({ version: '0.0.0' });
    const group = metrics.observer.functionMetrics('a').group;
    group.gauge('broken', () => {
      throw new Error('closed');
    });
    group.gauge('whole', () => 1);
    expect((await scraped(metrics)).filter((line) => !line.startsWith('#'))).toEqual([
      'millrace_function_whole{lookup="a"} 1',
    ]);
  });

  test('a counter whose sum is too large throws, and the others can still be read', async () => {
    const metrics = createMetrics({ version: '0.0.0' });
    const counter = metrics.observer.functionMetrics('a').group.counter('large');
    counter.inc(Number.MAX_VALUE);
    expect(() => counter.inc(Number.MAX_VALUE)).toThrow(RangeError);
    expect((await scraped(metrics)).at(-1)).toBe(`millrace_function_large_total{lookup="a"} ${Number.MAX_VALUE}`);
  });

  test('a gauge that is registered again is read from its new function', async () => {
    const metrics = createMetrics({ version: '0.0.0' });
    const group = metrics.observer.functionMetrics('a').group;
    group.gauge('open', () => 1);
    group.gauge('open', () => 2);
    expect((await scraped(metrics)).at(-1)).toBe('millrace_function_open{lookup="a"} 2');
  });

  test('an invalid name, a name of another kind, and a counter that falls are refused', () => {
    const group = createMetrics({ version: '0.0.0' }).observer.functionMetrics('a').group;
    expect(() => group.counter('calls per second')).toThrow('letters, digits and _, and begins with a letter');
    expect(() => group.group('')).toThrow(RangeError);
    group.gauge('rows', () => 1);
    expect(() => group.histogram('rows')).toThrow('metric millrace_function_rows is a gauge');
    expect(() => group.counter('calls').inc(-1)).toThrow('a counter only goes up by finite numbers, not by -1');
    expect(() => group.counter('calls').inc(Number.NaN)).toThrow(RangeError);
    expect(() => group.counter('calls').inc(Infinity)).toThrow(RangeError);
  });
});
