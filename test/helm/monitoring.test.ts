import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { cases } from './cases.ts';
import { at, chart, type KubernetesObject, one, rendered, root, type Values } from './helm.ts';
import { folderOf } from '../service/serving.ts';

/** A copy of the chart that has these files instead of its alerts and dashboards. */
function chartWith(files: Readonly<Record<string, string>>): string {
  const copy = mkdtempSync(join(tmpdir(), 'millrace-chart-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  cpSync(chart, copy, { recursive: true });
  for (const folder of ['alerts', 'dashboards']) {
    rmSync(join(copy, folder), { recursive: true, force: true });
    mkdirSync(join(copy, folder));
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(copy, name), text);
  return copy;
}

const slow = {
  alert: 'Slow',
  expr: 'rate(a[5m]) > 0.1',
  for: '5m',
  labels: { severity: 'warning', team: 'unknown' },
  annotations: { summary: 'Pipeline {{ $labels.pipeline }} is slow', runbook_url: 'docs/runbook.md#slow' },
};
const down = { alert: 'Down', expr: 'up == 0' };
const ratio = { record: 'job:a:ratio', expr: 'a / b' };
const alerts = {
  'alerts/one.yaml': stringify({ groups: [{ name: 'one', interval: '1m', rules: [slow, ratio] }] }),
  'alerts/two.yaml': stringify({ groups: [{ name: 'two', rules: [down] }] }),
};

const groups = async (prometheusRule: Values): Promise<unknown> => {
  const objects = await rendered({ prometheusRule: { enabled: true, ...prometheusRule } }, { from: chartWith(alerts) });
  return at(one(objects, 'PrometheusRule'), 'spec.groups');
};

test('the groups of all files become one PrometheusRule, unchanged', async () => {
  expect(await groups({})).toEqual([
    { name: 'one', interval: '1m', rules: [slow, ratio] },
    { name: 'two', rules: [down] },
  ]);
});

test('alerts get the labels and the address of the runbook from the values', async () => {
  const prefix = 'https://git.example/';
  const annotations = { ...slow.annotations, runbook_url: 'https://git.example/docs/runbook.md#slow' };
  const labels = { severity: 'warning', team: 'streams' };
  expect(await groups({ alertLabels: { team: 'streams' }, runbookBase: prefix })).toEqual([
    { name: 'one', interval: '1m', rules: [{ ...slow, labels, annotations }, ratio] },
    { name: 'two', rules: [{ ...down, labels: { team: 'streams' } }] },
  ]);
});

test('an alert in `except` is left out, and so is its group if no rule remains', async () => {
  expect(await groups({ except: ['Down'] })).toEqual([{ name: 'one', interval: '1m', rules: [slow, ratio] }]);
});

test('the ConfigMap has the dashboards byte for byte', async () => {
  const text = '{\n  "title": "{{ braces }}",\n  "expr": "rate(a{b=\\"c\\"}[$__rate_interval])"\n}\n';
  const from = chartWith({ 'dashboards/one.json': text, 'dashboards/two.json': '{}' });
  const map = one(await rendered(cases['with alerts and dashboards'] ?? {}, { from }), 'ConfigMap', '-dashboards');
  expect(map['data']).toEqual({ 'one.json': text, 'two.json': '{}' });
  expect(map.metadata).toMatchObject({
    labels: { grafana_dashboard: '1' },
    annotations: { grafana_folder: 'Streams' },
  });
});

const kinds = (objects: readonly KubernetesObject[]) => objects.map(({ kind, metadata }) => kind + metadata.name);

test('a chart without alert and dashboard files creates no object for them', async () => {
  const from = chartWith({});
  const objects = await rendered(cases['with alerts and dashboards'] ?? {}, { from });
  expect(kinds(objects)).toEqual(kinds(await rendered({}, { from })));
});

test('the objects have every alert and every dashboard of the chart', async () => {
  const objects = await rendered(cases['with alerts and dashboards'] ?? {});
  const files = globSync('alerts/*.yaml', { cwd: chart });
  const written = files.flatMap((file) => parse(readFileSync(join(chart, file), 'utf8')).groups as Values[]);
  const rule = objects.find(({ kind }) => kind === 'PrometheusRule');
  const arrived = (at(rule, 'spec.groups') ?? []) as readonly Values[];
  expect(arrived.map(namesOf)).toEqual(written.map(namesOf));
  const boards = objects.find(({ metadata }) => metadata.name.endsWith('-dashboards'));
  const names = globSync('dashboards/*.json', { cwd: chart }).map((name) => basename(name));
  expect(Object.keys(at(boards, 'data') ?? {}).toSorted()).toEqual(names.toSorted());
});

const namesOf = ({ name, rules }: Values): unknown => [
  name,
  (rules as Values[]).map(({ alert, record }) => alert ?? record),
];

const value = (name: string, pod: string, samples: number): object => ({
  series: `millrace_${name}{namespace="streams",pod="${pod}",pipeline="orders"}`,
  values: `${samples}x5`,
});

const series = [
  ...[30, 50].flatMap((inFlight, index) => [
    value('in_flight', `test-millrace-6b5d-x${index}`, inFlight),
    value('capacity', `test-millrace-6b5d-x${index}`, 100),
  ]),
  value('in_flight', 'other-millrace-6b5d-x1', 100),
  value('capacity', 'other-millrace-6b5d-x1', 100),
  value('in_flight', 'idle-millrace-6b5d-x1', 0),
  value('capacity', 'idle-millrace-6b5d-x1', 0),
];

/** Evaluates a query over these series with promtool. Gives an empty text if the result is `samples`. */
function promtool(expr: string, samples: readonly object[]): Promise<string> {
  const expected = [{ expr, eval_time: '1m', exp_samples: samples }];
  const tests = [{ interval: '1m', input_series: series, promql_expr_test: expected }];
  const folder = folderOf({ 'queries.yaml': stringify({ rule_files: [], evaluation_interval: '1m', tests }) });
  return new Promise((resolve) => {
    execFile('promtool', ['test', 'rules', join(folder, 'queries.yaml')], (error, stdout, stderr) => {
      resolve(error === null ? '' : stdout + stderr + error.message);
    });
  });
}

const queryOf = async (fullnameOverride: string) =>
  at(
    one(await rendered({ ...cases['scaled by KEDA'], fullnameOverride }), 'ScaledObject'),
    'spec.triggers.0.metadata.query',
  );

test('the query of the ScaledObject is the share of used slots of this release only, and 0 without streams', async () => {
  expect(await promtool(String(await queryOf('test-millrace')), [{ labels: '{}', value: 0.4 }])).toBe('');
  expect(await promtool(String(await queryOf('idle-millrace')), [{ labels: '{}', value: 0 }])).toBe('');
  expect(await promtool(String(await queryOf('other-millrace')), [{ labels: '{}', value: 0.4 }])).toContain('got:');
});

test('the rule for prometheus-adapter in docs/kubernetes.md gives the metric of the autoscaler, for each pod', async () => {
  const page = readFileSync(join(root, 'docs/kubernetes.md'), 'utf8');
  const rule: Values = parse(/```yml adapter\n([^]*?)```/.exec(page)?.[1] ?? '').rules[0];
  const autoscaler = one(await rendered(cases['scaled by utilisation'] ?? {}), 'HorizontalPodAutoscaler');
  expect(at(rule, 'name.as')).toBe(at(autoscaler, 'spec.metrics.0.pods.metric.name'));
  const query = String(rule['metricsQuery'])
    .replaceAll('<<.LabelMatchers>>', 'namespace="streams",pod=~"test-millrace-6b5d-x0|idle-millrace-6b5d-x1"')
    .replaceAll('<<.GroupBy>>', 'pod');
  const samples = [
    { labels: '{pod="test-millrace-6b5d-x0"}', value: 0.3 },
    { labels: '{pod="idle-millrace-6b5d-x1"}', value: 0 },
  ];
  expect(await promtool(query, samples)).toBe('');
});
