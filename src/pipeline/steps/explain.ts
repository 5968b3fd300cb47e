import { RecordError } from '../../core/errors.ts';
import { isDataObject, type JsonData, type JsonDataObject } from '../../core/json/json-data.ts';
import { parseJson, type JsonValue } from '../../core/json/json.ts';
import type { Secrets } from '../../core/secrets/secrets.ts';
import type { Arguments } from '../../lookup/lookup.ts';
import type { PassedLayer } from '../lookups/lookups.ts';
import type { RecordText } from '../record/record-text.ts';
import { argumentsOf, missingArgument, shownArguments, type Step } from './step.ts';

/** The effective configuration of an existing lookup, secrets hidden. */
export type LookupSettings = (lookup: string) => JsonData;

/**
 * Describes what a step would do with a record, and makes no call: the request, and the layers that it passes, in order,
 * with their settings and keys; or the reason why there is no call.
 */
export function explainStep(
  step: Step,
  steps: readonly Step[],
  record: RecordText,
  settingsOf: LookupSettings,
  secrets: Secrets,
): JsonValue {
  const { lookup, into, repeat } = step;
  const about = { lookup: lookup.name, into, ...(repeat && { repeat: { max: repeat.max } }) };
  if (step.waitsFor.length > 0) return { ...about, waitsFor: step.waitsFor.map((other) => steps[other]?.into ?? '') };
  try {
    if (step.when !== undefined && !step.when(record.value)) return { ...about, skipped: true };
    const args = argumentsOf(step, record);
    if (args === undefined) return { ...about, miss: missingArgument(step, record)?.message ?? '' };
    // The first `describe` throws if the lookup refuses the arguments; the second one shows them without secrets.
    lookup.describe(args);
    const shown = shownArguments(step, args);
    const layers = lookup.layers
      .map((layer) => explainLayer(layer, shown, settingsOf(lookup.name)))
      .filter((layer) => layer !== undefined);
    return parseJson(secrets.hideInJson(JSON.stringify({ ...about, call: lookup.describe(shown), layers })));
  } catch (thrown) {
    const { code, message } = RecordError.from(thrown).without(secrets);
    return { ...about, error: { code, message } };
  }
}

/** Undefined for a layer without a key and without settings (spans): a reader can do nothing about it. */
function explainLayer(layer: PassedLayer, args: Arguments, lookup: JsonData): JsonDataObject | undefined {
  const key = layer.keyOf(args);
  const settings = settingsOfLayer(layer.name, lookup);
  if (key === undefined && settings === undefined) return undefined;
  return {
    layer: layer.name,
    ...(key !== undefined && { key }),
    ...(settings !== undefined && { settings }),
  };
}

function settingsOfLayer(name: string, lookup: JsonData): JsonData | undefined {
  if (!isDataObject(lookup)) return undefined;
  if (name !== 'limit') return lookup[name];
  // The limit of connections and the pause after 429 are options of the connector.
  const { http } = lookup;
  if (!isDataObject(http)) return undefined;
  return { connections: http['connections'] ?? null, maxPause: http['maxPause'] ?? null };
}
