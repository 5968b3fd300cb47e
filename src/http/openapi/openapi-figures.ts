/** The schemas of which `/state` is made. */
export type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: 'string' };
export const count: Schema = { type: 'integer', minimum: 0 };
export const number: Schema = { type: 'number' };
const nullableMs: Schema = { type: ['number', 'null'], description: 'Milliseconds.', minimum: 0 };
const perSecond: Schema = { type: 'number', description: 'Per second, over `windowMs`.', minimum: 0 };

export function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** An object with all of these members. */
export function object(properties: Readonly<Record<string, Schema>>, description?: string): Schema {
  const required = Object.keys(properties);
  return { type: 'object', ...(description !== undefined && { description }), required, properties };
}

export function counts(names: readonly string[], description: string): Schema {
  return object(Object.fromEntries(names.map((name) => [name, count])), description);
}

export function byName(schema: Schema, description: string): Schema {
  return { type: 'object', description, additionalProperties: schema };
}

export const duration = (description: string): Schema =>
  object(
    { count, meanMs: nullableMs, p50Ms: nullableMs, p99Ms: nullableMs },
    `${description} Since the start of the service.`,
  );

export const recent = (rates: readonly string[], of: string): Schema =>
  object(
    {
      windowMs: described(count, 'The period of these figures: this many milliseconds, up to now.'),
      ...Object.fromEntries(rates.map((name) => [`${name}PerSecond`, perSecond])),
      p50Ms: nullableMs,
      p99Ms: nullableMs,
    },
    `The last seconds. The quantiles are those of ${of}; null if there was none.`,
  );
