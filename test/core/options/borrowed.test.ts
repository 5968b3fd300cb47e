import { expect, test } from 'vitest';
import { z } from 'zod';

test('zod writes a schema that has a `_zod.toJSONSchema` as that function says', () => {
  const schema = z.instanceof(Date);
  expect(() => z.toJSONSchema(schema)).toThrow(/cannot be represented/);
  schema._zod.toJSONSchema = () => ({ type: 'number' });
  expect(z.toJSONSchema(z.strictObject({ at: schema }))).toMatchObject({ properties: { at: { type: 'number' } } });
});
