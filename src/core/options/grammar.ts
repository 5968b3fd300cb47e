import { z } from 'zod';

/**
 * How the text of a value in the configuration is read; this decides how the value of a reference is put into it.
 *
 * - `text`: unchanged.
 * - `template`: has arguments such as `{name}`; the value of a reference is marked as literal.
 * - `data`: JSON of the user; a number keeps its spelling.
 * - `data template`: JSON whose strings are templates.
 * - `cel`: a CEL expression.
 * - `pointer`: a JSON Pointer.
 *
 * A grammar applies to everything below the schema that is registered with it. A value without a grammar (a number, a
 * choice, a duration) cannot hold a secret.
 */
export type Grammar = 'text' | 'template' | 'data' | 'data template' | 'cel' | 'pointer';

export const grammars = z.registry<{ readonly grammar: Grammar }>();
