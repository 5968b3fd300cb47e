import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../src/core/json/json.ts';
import { root } from '../docs/pages.ts';
import type { Asked } from './boards.ts';

/** One value of a response, with its labels. */
interface Series {
  readonly labels: JsonObject;
  readonly value: number;
}

/** A running Prometheus (Debian's package `prometheus`) on a free port; stopped with the test. */
export class Prometheus {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** What is wrong with a response: it is empty, has no number, or lacks a label that the panel names its series by. */
  async fault({ name, expression, labels }: Asked): Promise<string | undefined> {
    const { data, error } = await this.#get('/api/v1/query', { query: expression });
    if (!isJsonObject(data)) return `${name}: ${JSON.stringify(error)}`;
    const all = seriesOf(data['result']);
    if (!all.some(({ value }) => Number.isFinite(value))) return `${name}: no data`;
    const lacking = labels.filter((label) => !all.every((series) => label in series.labels));
    return lacking.length === 0 ? undefined : `${name}: no label ${lacking.join(', ')}`;
  }

  /**
   * Sends the queries until each has had a correct response; returns the faults that are left when the time is over. It
   * waits between rounds, because Prometheus does not report when it has scraped.
   */
  async faults(queries: readonly Asked[], withinMs: number): Promise<readonly string[]> {
    const signal = AbortSignal.timeout(withinMs);
    let left = queries;
    for (;;) {
      const faults = await Promise.all(left.map(async (asked) => this.fault(asked)));
      left = left.filter((_, place) => faults[place] !== undefined);
      if (left.length === 0 || signal.aborted) return faults.filter((fault) => fault !== undefined);
      await pause(250);
    }
  }

  /** The values of a label on the series of a selector. */
  async labelValues(label: string, series: string): Promise<JsonValue | undefined> {
    return (await this.#get(`/api/v1/label/${label}/values`, { 'match[]': series }))['data'];
  }

  /** The rules that it evaluates, each with its health and its last error. */
  async rules(): Promise<readonly (readonly (JsonValue | undefined)[])[]> {
    const { data } = await this.#get('/api/v1/rules', {});
    const groups = isJsonObject(data) ? objects(data['groups']) : [];
    return groups
      .flatMap((group) => objects(group['rules']))
      .map(({ name, health, lastError }) => [name, health, lastError]);
  }

  async #get(path: string, parameters: Readonly<Record<string, string>>): Promise<JsonObject> {
    const response = await fetch(`${this.#url}${path}?${new URLSearchParams(parameters).toString()}`);
    const answer = parseJson(await response.text());
    if (!isJsonObject(answer)) throw new Error(`${path} answered ${response.status}`);
    return answer;
  }
}

/** Starts Prometheus with a configuration whose paths are relative to the root of the project. */
export async function startPrometheus(configuration: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-prometheus-'));
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, configuration);
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--log.format=json',
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  });
  let said = '';
  return new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const address = /"address":"([^"]+)"[^\n]*"msg":"Listening on"/.exec(said)?.[1];
      if (address !== undefined && said.includes('Server is ready')) resolve(new Prometheus(`http://${address}`));
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`Prometheus has ended:\n${said}`)));
  });
}

function seriesOf(result: JsonValue | undefined): readonly Series[] {
  return objects(result).map(({ metric, value }) => ({
    labels: isJsonObject(metric) ? metric : {},
    value: Number(Array.isArray(value) ? value[1] : Number.NaN),
  }));
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : [];
}
