import { z } from 'zod';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../core/json/json.ts';
import { configSchema } from './schema.ts';

const reference: JsonObject = { $ref: '#/$defs/reference' };

/**
 * The JSON Schema (draft 2020-12) of the configuration file, made from the definition that validates it. A string with a
 * reference (`${PORT}`) is allowed wherever the definition demands a number, a boolean or a pattern.
 */
export function configJsonSchema(): JsonObject {
  const generated = parseJson(JSON.stringify(z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' })));
  const { $schema = '', $defs = {}, ...definition } = isJsonObject(generated) ? generated : {};
  const root = openToReferences(definition);
  return {
    $schema,
    $id: 'urn:millrace:configuration',
    title: 'Millrace configuration',
    description: 'millrace.yaml or millrace.json: the lookups, and the pipelines that use them.',
    ...(isJsonObject(root) ? root : {}),
    $defs: {
      ...(isJsonObject($defs) ? $defs : {}),
      reference: {
        description: 'Text with ${VAR}, ${VAR:-default} or ${file:/path}, which is read when the service starts.',
        type: 'string',
        pattern: String.raw`\$\{[^}]+\}`,
      },
    },
  };
}

/** Adds the reference as a choice to every schema that would refuse it. */
function openToReferences(schema: JsonValue): JsonValue {
  if (!isJsonObject(schema)) return schema;
  const opened = Object.fromEntries(Object.entries(schema).map(([keyword, value]) => [keyword, below(keyword, value)]));
  if (!refusesReferences(schema)) return opened;
  const { description, default: otherwise, ...rules } = opened;
  return {
    ...(description === undefined ? {} : { description }),
    ...(otherwise === undefined ? {} : { default: otherwise }),
    anyOf: [rules, reference],
  };
}

/** The choices of an `anyOf` in one list; those of a nested `anyOf` are included, and the reference once. */
function flatChoices(choices: readonly JsonValue[]): JsonValue {
  const flat = choices
    .map((choice) => openToReferences(choice))
    .flatMap((choice) => {
      const inner = isJsonObject(choice) && Object.keys(choice).length === 1 ? choice['anyOf'] : undefined;
      return Array.isArray(inner) ? (inner as readonly JsonValue[]) : [choice];
    });
  const kept = flat.filter((choice) => choice !== reference);
  return flat.length === kept.length ? kept : [...kept, reference];
}

function below(keyword: string, value: JsonValue): JsonValue {
  if (keyword === 'properties' && isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, openToReferences(member)]));
  }
  if (keyword === 'anyOf' && Array.isArray(value)) return flatChoices(value);
  return keyword === 'additionalProperties' || keyword === 'items' ? openToReferences(value) : value;
}

function refusesReferences({ type, pattern, enum: values }: JsonObject): boolean {
  return type === 'number' || type === 'integer' || type === 'boolean' || pattern !== undefined || values !== undefined;
}
