import { z } from 'zod';
import { type Grammar, grammars } from '../../core/options/grammar.ts';
import type { Path } from '../../core/finding.ts';
import { isMap } from '../document/path.ts';

// Borrowed (docs/dependencies.md): zod does not promise the members of `def`.

type Wrapper = z.ZodPrefault | z.ZodDefault | z.ZodOptional | z.ZodExactOptional | z.ZodNullable;

function isWrapper(schema: unknown): schema is Wrapper {
  return (
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodNullable
  );
}

/** The schema inside its wrappers: those that make it optional, give it a default, or transform its output. */
export function bare(schema: unknown): unknown {
  if (isWrapper(schema)) return bare(schema.def.innerType);
  return schema instanceof z.ZodPipe ? bare(schema.def.in) : schema;
}

/** The paths of all values in a schema that are neither maps nor lists. */
export function scalarPaths(schema: z.ZodType, path: Path): readonly Path[] {
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries<z.ZodType>(inner.shape).flatMap(([key, member]) => scalarPaths(member, [...path, key]));
  }
  return inner instanceof z.ZodRecord || inner instanceof z.ZodArray ? [] : [path];
}

/** A default that holds only if another key is present cannot be part of the type. It is in the metadata instead. */
function defaultOf(schema: unknown): unknown {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault) return schema.def.defaultValue;
  return schema instanceof z.ZodType ? schema.meta()?.['default'] : undefined;
}

/**
 * A valid value with every default, in the units that its author used: `5s` stays `5s`. Members are in the order of the
 * schema.
 */
export function withDefaults(schema: unknown, configured: unknown): unknown {
  const value = configured === undefined ? defaultOf(schema) : configured;
  if (schema instanceof z.ZodPipe) return withDefaults(schema.def.in, value);
  if (isWrapper(schema))
    return value === undefined || value === null ? value : withDefaults(schema.def.innerType, value);
  if (schema instanceof z.ZodUnion && isMap(value)) {
    const chosen = schema.options.find(
      (option) => option instanceof z.ZodType && bare(option) instanceof z.ZodObject && option.safeParse(value).success,
    );
    return chosen === undefined ? value : withDefaults(chosen, value);
  }
  if (schema instanceof z.ZodObject && isMap(value)) {
    const members = Object.entries(schema.shape).map(
      ([key, member]) => [key, withDefaults(member, value[key])] as const,
    );
    return Object.fromEntries(members.filter(([, member]) => member !== undefined));
  }
  if (schema instanceof z.ZodRecord && isMap(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, withDefaults(schema.valueType, member)]),
    );
  }
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => withDefaults(schema.element, item));
  return value;
}

/** The grammar of the text at a path. The outermost schema on the way that has one decides. */
export function grammarAt(schema: unknown, path: Path): Grammar | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  const own = grammars.get(schema)?.grammar;
  if (own !== undefined && (path.length === 0 || !(schema instanceof z.ZodString))) return own;
  if (isWrapper(schema)) return grammarAt(schema.def.innerType, path);
  if (schema instanceof z.ZodPipe) return grammarAt(schema.def.in, path);
  if (schema instanceof z.ZodUnion) {
    const options = schema.options.map((option) => grammarAt(option, path));
    return options.find((grammar) => grammar !== undefined);
  }
  const [step, ...below] = path;
  if (step === undefined) return undefined;
  if (schema instanceof z.ZodObject)
    return Object.hasOwn(schema.shape, step) ? grammarAt(schema.shape[step], below) : undefined;
  if (schema instanceof z.ZodRecord) return grammarAt(schema.valueType, below);
  return schema instanceof z.ZodArray ? grammarAt(schema.element, below) : undefined;
}
