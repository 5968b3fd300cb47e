import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { ConfigError, loadConfig, type Loaded, type LoadOptions } from '../../src/config/load.ts';
import { pathText } from '../../src/config/document/path.ts';
import { checkPipelines } from '../../src/pipeline/check.ts';

const made: string[] = [];

afterAll(() => {
  for (const path of made) rmSync(path, { recursive: true });
});

/** A temporary folder, which is removed after the tests of the file that uses it. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-config-'));
  made.push(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

export interface Given {
  readonly env?: Record<string, string>;
  readonly flags?: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly checks?: LoadOptions['checks'];
  /** Default millrace.yaml. */
  readonly name?: string;
}

/** Loads a text as a file, with only the given environment. */
export function load(
  text: string,
  { env = {}, flags = {}, files = {}, checks, name = 'millrace.yaml' }: Given = {},
): Loaded {
  const file = join(folder({ [name]: text, ...files }), name);
  return loadConfig({ file, env, flags, checks: checks ?? [checkPipelines] });
}

/** The lines of the error of a refused configuration, without its folder. Empty if it is accepted. */
export function complaints(text: string, given: Given = {}): readonly string[] {
  return linesOf(() => load(text, given));
}

export function linesOf(run: () => unknown): readonly string[] {
  const text = refusal(run)?.toString() ?? '';
  return text === '' ? [] : text.replaceAll(/^\/\S*\/(?=millrace)/gm, '').split('\n');
}

/** The findings of a configuration that is refused, with their paths as text. */
export function findingsOf(run: () => unknown): readonly object[] {
  return refusal(run)?.findings.map((finding) => ({ ...finding, path: pathText(finding.path) })) ?? [];
}

function refusal(run: () => unknown): ConfigError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** A lookup `airport` that takes `iata`, and a pipeline `flights` that uses it. */
export const small = `
lookups:
  airport: { http: { url: 'http://127.0.0.1:9000/airports/{iata}' } }
pipelines:
  flights:
    enrich:
      - { lookup: airport, with: { iata: /origin }, into: /originAirport }
`;
