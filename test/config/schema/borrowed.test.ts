import { expect, test } from 'vitest';
import { z } from 'zod';

const text = z.string();

test('every wrapper of zod that the walk goes through holds its inner schema as `def.innerType`', () => {
  const wrappers = [text.prefault('a'), text.default('a'), text.optional(), text.exactOptional(), text.nullable()];
  expect(wrappers.map(({ def }) => def.innerType === text)).toEqual([true, true, true, true, true]);
});

test('zod holds a default as `def.defaultValue`, and what goes into a pipe as `def.in`', () => {
  expect(text.prefault('a').def.defaultValue).toBe('a');
  expect(text.default('b').def.defaultValue).toBe('b');
  expect(text.transform(Number).def.in).toBe(text);
});

test('zod shows the members of an object, a record, an array and a union', () => {
  expect(z.strictObject({ text }).shape.text).toBe(text);
  expect(z.record(z.string(), text).valueType).toBe(text);
  expect(z.array(text).element).toBe(text);
  expect(z.union([text, z.number()]).options[0]).toBe(text);
});
