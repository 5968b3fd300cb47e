/**
 * The message of a thrown value, or the value as text. Never throws, whatever was thrown: `null`, a revoked Proxy, an
 * object whose members throw when they are read.
 */
export function thrownMessage(thrown: unknown): string {
  try {
    const known = typeof thrown === 'object' && thrown !== null ? textOf(thrown, 'message') : undefined;
    return known ?? asText(thrown);
  } catch {
    return 'a value that cannot be described was thrown';
  }
}

/** The name of an error, `Error` if it has none. Never throws. */
export function thrownName(thrown: unknown): string {
  try {
    return (typeof thrown === 'object' && thrown !== null ? textOf(thrown, 'name') : undefined) ?? 'Error';
  } catch {
    return 'Error';
  }
}

/** The stack of an error, with its message; undefined if it has none. Never throws. */
export function thrownStack(thrown: unknown): string | undefined {
  try {
    return typeof thrown === 'object' && thrown !== null ? textOf(thrown, 'stack') : undefined;
  } catch {
    return undefined;
  }
}

/** The member, or undefined if it is absent, is not a string, or is empty. */
function textOf(thrown: object, member: string): string | undefined {
  const text: unknown = Reflect.get(thrown, member);
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** The value as text; of a user's object by its own `toString`. */
const asText: (value: unknown) => string = String;
