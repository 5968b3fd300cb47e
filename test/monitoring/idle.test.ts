import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { boards, queriesOf } from './boards.ts';

const labels = ['job', 'instance', 'pipeline', 'lookup', 'mode', 'outcome', 'code', 'reason', 'result', 'kind'];

/** Every metric that a query names, with the values of a service that worked once and has been idle since. */
function seriesOf(expressions: readonly string[]): object[] {
  const names = new Set(expressions.flatMap((text) => text.match(/\b(?:millrace|nodejs|process)_\w+/g) ?? []));
  const common = labels.map((label) => `${label}="a"`).join(',');
  return [...names].flatMap((name) => {
    const gauge = name.endsWith('capacity') || name.endsWith('_in_flight') || name.endsWith('_waiting');
    const bounds = name.endsWith('_bucket') ? ['0.1', '+Inf'] : [''];
    return bounds.map((le) => ({
      series: `${name}{${common}${le === '' ? '' : `,le="${le}"`}}`,
      values: gauge ? '0x60' : '7x60',
    }));
  });
}

/** The output of promtool for a test that expects no value of any expression to be NaN. */
function withoutNaN(expressions: readonly string[]): Promise<{ code: number; said: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-idle-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'idle.test.yaml');
  const cases = expressions.map((expression) => ({
    // NaN is the value that is not equal to itself.
    expr: `(${expression}) != (${expression})`,
    eval_time: '30m',
    exp_samples: [],
  }));
  const tests = [{ interval: '1m', input_series: seriesOf(expressions), promql_expr_test: cases }];
  writeFileSync(file, stringify({ rule_files: [], evaluation_interval: '1m', tests }));
  return new Promise((resolve) => {
    execFile('promtool', ['test', 'rules', file], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout + stderr });
    });
  });
}

test.each(boards)('no panel of $title shows a value that is not a number while the service is idle', async (board) => {
  const expressions = queriesOf(board, '5m').map(({ expression }) => expression);
  expect(await withoutNaN(expressions)).toMatchObject({ code: 0 });
});

test('a share and a quantile of no samples are reported', async () => {
  const share = 'sum(rate(millrace_records_in_total[5m])) / sum(rate(millrace_records_out_total[5m]))';
  const quantile = 'histogram_quantile(0.5, sum by (le) (rate(millrace_record_duration_seconds_bucket[5m])))';
  expect(await withoutNaN([share])).toMatchObject({ code: 1 });
  expect(await withoutNaN([quantile])).toMatchObject({ code: 1 });
});
