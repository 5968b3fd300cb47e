/**
 * What was thrown, in words. Total: anything can be thrown, also an object whose members throw when they are read, a
 * revoked Proxy, `null`.
 */
export function thrownMessage(thrown: unknown): string {
  try {
    const known = typeof thrown === 'object' && thrown !== null ? textOf(thrown, 'message') : undefined;
    return known ?? asText(thrown);
  } catch {
    return 'a value that cannot be described was thrown';
  }
}

/** The name of an error, `Error` if it has none. Total. */
export function thrownName(thrown: unknown): string {
  try {
    return (typeof thrown === 'object' && thrown !== null ? textOf(thrown, 'name') : undefined) ?? 'Error';
  } catch {
    return 'Error';
  }
}

/** The stack of an error, with its message; undefined if it has none. Total. */
export function thrownStack(thrown: unknown): string | undefined {
  try {
    return typeof thrown === 'object' && thrown !== null ? textOf(thrown, 'stack') : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined if it is not there, is no text, or is empty. */
function textOf(thrown: object, member: string): string | undefined {
  const text: unknown = Reflect.get(thrown, member);
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** What the value itself says it is, an object of the user by its own `toString`. */
const asText: (value: unknown) => string = String;
