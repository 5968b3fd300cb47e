import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { generated } from '../../scripts/dashboards/generated.ts';
import { rendered, root, type Values } from '../helm/helm.ts';
import { boards } from './boards.ts';

/** The only object that the chart renders with this kind and this end of its name. */
async function made(kind: string, end: string, values: Values): Promise<object> {
  const objects = await rendered(values);
  const [found, ...more] = objects.filter((object) => object.kind === kind && object.metadata.name.endsWith(end));
  expect(more).toEqual([]);
  return found ?? {};
}

const committed: object = parse(readFileSync(join(root, 'helm/millrace/alerts/millrace.yaml'), 'utf8'));

test('the PrometheusRule of the chart has the alerts unchanged', async () => {
  expect(await made('PrometheusRule', '', { prometheusRule: { enabled: true } })).toMatchObject({ spec: committed });
});

test('the values of the chart set the labels, the runbook URL and the excluded alerts', async () => {
  const runbookBase = 'https://git.example/millrace/blob/main/';
  const prometheusRule = {
    enabled: true,
    runbookBase,
    alertLabels: { team: 'streams' },
    except: ['MillraceBackpressure'],
  };
  const changed: object = JSON.parse(
    JSON.stringify(committed, (_, value: unknown) => {
      if (Array.isArray(value)) return value.filter((rule) => rule.alert !== 'MillraceBackpressure');
      return typeof value === 'string' ? value.replace('docs/runbook.md', `${runbookBase}docs/runbook.md`) : value;
    }).replaceAll('"labels":{', '"labels":{"team":"streams",'),
  );
  expect(await made('PrometheusRule', '', { prometheusRule })).toMatchObject({ spec: changed });
});

test('the ConfigMap of the chart has every dashboard unchanged', async () => {
  const data = Object.fromEntries(
    boards.map(({ uid }) => [`${uid}.json`, generated().get(`helm/millrace/dashboards/${uid}.json`)]),
  );
  expect(await made('ConfigMap', '-dashboards', { dashboards: { enabled: true } })).toMatchObject({ data });
});
