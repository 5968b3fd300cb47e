import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json/json.ts';
import { adminPaths } from './openapi-admin.ts';

/** The values that only a running service can add to the document. */
export interface ServedNow {
  readonly pipelines: readonly string[];
  readonly adminUrl: string | undefined;
}

/** The document with the names of all pipelines and the address of the admin listener. */
export function servedDocument(document: JsonObject, { pipelines, adminUrl }: ServedNow): JsonObject {
  return mapped(document, (object, path) => {
    const [section, route = ''] = path;
    if (path.length === 2 && section === 'paths' && route in adminPaths && adminUrl !== undefined) {
      return { ...object, servers: [{ url: adminUrl, description: 'The admin listener (`server.admin`).' }] };
    }
    if (object['in'] !== 'path' || object['name'] !== 'pipeline' || pipelines.length === 0) return object;
    return { ...object, schema: { type: 'string', enum: [...pipelines] } };
  });
}

/**
 * The same document as OpenAPI 3.1, for generators that refuse 3.2. The schema of the items of a stream (`itemSchema`)
 * becomes a text, because 3.1 has no such member.
 */
export function asOpenApi31(document: JsonObject): JsonObject {
  const converted = mapped(document, ({ itemSchema, ...object }) => {
    if (itemSchema === undefined) return object;
    const reference = isJsonObject(itemSchema) ? itemSchema['$ref'] : undefined;
    const item = typeof reference === 'string' ? reference.split('/').at(-1) : 'object';
    return { ...object, schema: { type: 'string', description: `A sequence of items, each one a \`${item}\`.` } };
  });
  return { ...converted, openapi: '3.1.0' };
}

type Change = (object: JsonObject, path: readonly string[]) => JsonObject;

/** Changes every object, the outer one before the inner ones. `path` leads to the object. */
function mapped(object: JsonObject, change: Change, path: readonly string[] = []): JsonObject {
  const inner = (value: JsonValue, name: string): JsonValue => {
    if (Array.isArray(value)) return value.map((item, place) => inner(item, String(place)));
    return isJsonObject(value) ? mapped(value, change, [...path, name]) : value;
  };
  return Object.fromEntries(Object.entries(change(object, path)).map(([name, value]) => [name, inner(value, name)]));
}
