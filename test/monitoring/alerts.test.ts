import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { alertGroups } from '../../scripts/dashboards/alerts.ts';
import { page, root, rows, codes, section } from '../docs/pages.ts';
import { boards } from './boards.ts';

const ruleFile = 'helm/millrace/alerts/millrace.yaml';
const names = alertGroups.flatMap(({ alerts }) => alerts.map(({ name }) => name));
const testFiles = globSync('test/alerts/*.test.yaml', { cwd: root }).toSorted();

/** Exit code and output of Debian's promtool (package `prometheus`). */
async function promtool(...args: readonly string[]): Promise<{ code: number | string; said: string }> {
  return new Promise((resolve) => {
    execFile('promtool', args, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.message), said: stdout + stderr });
    });
  });
}

/** Copies the rules and their tests to a folder, with one part of the rules replaced. */
function changed(from: string, to: string): { rules: string; tests: readonly string[] } {
  const text = readFileSync(join(root, ruleFile), 'utf8');
  expect(text).toContain(from);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const rules = join(folder, 'millrace.yaml');
  writeFileSync(rules, text.replace(from, to));
  const tests = testFiles.map((file) => {
    const copy = join(folder, basename(file));
    writeFileSync(copy, readFileSync(join(root, file), 'utf8').replace(`../../${ruleFile}`, 'millrace.yaml'));
    return copy;
  });
  return { rules, tests };
}

describe('promtool', () => {
  test('accepts the rules', async () => {
    expect(await promtool('check', 'rules', ruleFile)).toMatchObject({ code: 0 });
  });

  test('reports a mistake in the rules', async () => {
    const { rules } = changed('humanizePercentage', 'humanisePercentage');
    expect(await promtool('check', 'rules', rules)).toMatchObject({ code: 1 });
  });

  test.each(testFiles)('confirms that alerts fire, or do not fire, as %s expects', async (file) => {
    expect(await promtool('test', 'rules', file)).toMatchObject({ code: 0 });
  });

  test.each([
    ['an alert that never fires', '> 0.05\n', '> 0.95\n', 'lookups'],
    ['an alert that fires for another program', 'and on (namespace, job, instance) millrace_build_info', '', 'process'],
    ['an alert that does not wait', 'for: 30m', 'for: 0m', 'streams'],
  ])('reports %s', async (_, from, to, about) => {
    const tests = changed(from, to).tests.filter((file) => basename(file).startsWith(about));
    expect(await promtool('test', 'rules', ...tests)).toMatchObject({ code: 1 });
  });
});

interface RuleTests {
  readonly tests: readonly { readonly alert_rule_test: readonly Case[] }[];
}

interface Case {
  readonly alertname: string;
  readonly exp_alerts: readonly unknown[];
}

test('each alert has a test in which it fires and one in which it does not', () => {
  const cases = testFiles.flatMap((file) => {
    const { tests }: RuleTests = parse(readFileSync(join(root, file), 'utf8'));
    return tests.flatMap((one) => one.alert_rule_test);
  });
  const fires = cases.filter((one) => one.exp_alerts.length > 0).map((one) => one.alertname);
  const rests = cases.filter((one) => one.exp_alerts.length === 0).map((one) => one.alertname);
  expect(new Set(fires)).toEqual(new Set(names));
  expect(new Set(rests)).toEqual(new Set(names));
});

/** The parts that each section of the runbook must have. */
const answers = ['**It means**:', '**Look at**:', '**Do**'];

test('docs/runbook.md has a section for every alert, and no others', () => {
  const headings = Array.from(page('runbook.md').matchAll(/^## (.+)$/gm), ([, heading = '']) => heading);
  expect(headings).toEqual(names);
  const incomplete = names.filter((name) => {
    const text = section(page('runbook.md'), `## ${name}`);
    return !answers.every((answer) => text.includes(answer));
  });
  expect(incomplete).toEqual([]);
});

test('docs/runbook.md names only panels and dashboards that exist', () => {
  const titles = new Set(boards.flatMap(({ title, panels }) => [title, ...panels.map((panel) => panel.title)]));
  const named = Array.from(page('runbook.md').matchAll(/(?<!\*)\*(\w[^*]+)\*(?!\*)/g), ([, name = '']) => name);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !titles.has(name.replaceAll('\n', ' ')))).toEqual([]);
});

interface Rule {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

function rulesOf(text: string): readonly Rule[] {
  const { groups }: { groups: readonly { rules: readonly Rule[] }[] } = parse(text);
  return groups.flatMap(({ rules }) => rules);
}

const rules = rulesOf(readFileSync(join(root, ruleFile), 'utf8'));

test('every alert has a summary, a description and the URL of its section in the runbook', () => {
  expect(rules.map(({ alert, annotations }) => ({ alert, annotations }))).toEqual(
    names.map((alert) => ({
      alert,
      annotations: {
        summary: expect.stringMatching(/\w/),
        description: expect.stringMatching(/\.$/),
        runbook_url: `docs/runbook.md#${alert.toLowerCase()}`,
      },
    })),
  );
});

test('docs/monitoring.md has every alert with its severity', () => {
  const table = rows(page('monitoring.md').replaceAll('| [`', '| `'))
    .map(([name, severity]) => [codes(name)[0] ?? '', severity])
    .filter(([name]) => !name?.includes('/'));
  expect(table).toEqual(rules.map(({ alert, labels }) => [alert, labels.severity]));
});
