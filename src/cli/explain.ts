import { text } from 'node:stream/consumers';
import { toYaml } from '../config/redact.ts';
import { isDataObject, type JsonData } from '../core/json/json-data.ts';
import { parseJson } from '../core/json/json.ts';
import { RecordError } from '../core/errors.ts';
import { MemoryBudget } from '../core/memory-budget.ts';
import { Secrets } from '../core/secrets/secrets.ts';
import { inLaterTurn } from '../core/time/later-turn.ts';
import { buildPipelines } from '../pipeline/build.ts';
import { OpenLookups } from '../pipeline/lookups/open-lookups.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { LookupSettings } from '../pipeline/steps/explain.ts';
import { silentRuntime } from './connect.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { onlyPipeline } from './only-pipeline.ts';
import { type ConfigFlags, settingsWithoutTls } from './settings.ts';

interface ExplainFlags extends ConfigFlags {
  readonly json: boolean;
}

/**
 * `millrace explain PIPELINE`: writes to stdout what the pipeline would do with each record of `input`, a YAML document
 * or, with `json`, a line for each, as `POST /v1/explain/PIPELINE` shows it. No call is made. Opens only the lookups of
 * this pipeline. Resolves with 1 if a record cannot be read; its reason is on stderr.
 */
export async function explain(name: string, flags: ExplainFlags, input: NodeJS.ReadableStream): Promise<number> {
  const { config, effective, baseDir, secrets: learnt } = settingsWithoutTls(flags);
  const secrets = new Secrets();
  secrets.learn(learnt);
  const runtime = { ...silentRuntime(baseDir, secrets), memory: new MemoryBudget(Infinity, inLaterTurn) };
  const pipelines = await buildPipelines(onlyPipeline(name, config), runtime, new OpenLookups());
  try {
    const pipeline = pipelines.get(name);
    if (pipeline === undefined) throw new Error(`the pipeline ${name} was not built`);
    const lookups = effective['lookups'];
    const settingsWithoutTlsLookup = (lookup: string): JsonData =>
      (isDataObject(lookups) ? lookups[lookup] : undefined) ?? null;
    let exitCode: number = exitCodes.done;
    for (const record of recordsOf(await text(input))) {
      if (!explainOne(pipeline, record, settingsWithoutTlsLookup, flags.json)) exitCode = exitCodes.failed;
    }
    return exitCode;
  } finally {
    await pipelines.close();
  }
}

interface InputRecord {
  readonly text: string;
  /** The line of the input where it begins, from 1. */
  readonly line: number;
}

/** One record, which may have several lines, or a record a line. */
function recordsOf(input: string): readonly InputRecord[] {
  const lines = input
    .split('\n')
    .map((line, index) => ({ text: line, line: index + 1 }))
    .filter((record) => record.text.trim() !== '');
  const [first] = lines;
  if (first === undefined) throw new UsageError('standard input has no record: send one JSON object');
  return isJson(input) ? [{ text: input, line: first.line }] : lines;
}

function isJson(input: string): boolean {
  try {
    parseJson(input.trim());
    return true;
  } catch {
    return false;
  }
}

/** False if the text is not a record: the reason is on stderr, and the other records are explained. */
function explainOne(pipeline: Pipeline, record: InputRecord, lookupSettings: LookupSettings, json: boolean): boolean {
  try {
    const explanation = { pipeline: pipeline.name, steps: pipeline.explain(record.text, lookupSettings) };
    process.stdout.write(json ? `${JSON.stringify(explanation)}\n` : `---\n${toYaml(explanation)}`);
    return true;
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    process.stderr.write(`millrace: line ${record.line}: ${error.code}: ${error.message}\n`);
    return false;
  }
}
