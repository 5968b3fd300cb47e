import { z } from 'zod';
import { type JsonData, SpelledNumber } from '../json/json-data.ts';

/** A number, with its spelling if JavaScript would change it. In the JSON Schema it is a number. */
export const dataNumber = z.union([z.number(), z.instanceof(SpelledNumber)], 'expected a number');
// Borrowed (docs/dependencies.md): zod does not promise `_zod.toJSONSchema`, and has no other way to describe a class.
dataNumber._zod.toJSONSchema = () => ({ type: 'number' });

/** Any JSON. */
export const jsonData: z.ZodType<JsonData> = z.lazy(() =>
  z.union(
    [z.string(), dataNumber, z.boolean(), z.null(), z.array(jsonData), z.record(z.string(), jsonData)],
    'expected JSON',
  ),
);
