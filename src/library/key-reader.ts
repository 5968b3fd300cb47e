/**
 * The queue must not fail when it reads a key, but the record may. So the key is read twice: by `keyOf` for the queue, where an
 * error means no key, and by `guard` before the call, where an error is the outcome of the record.
 */
export function keyReader<In>(
  taskName: string,
  key: (input: In) => string,
): { readonly guard: (input: In) => void; readonly keyOf: (input: In) => string | undefined } {
  function read(input: In): string {
    const found: unknown = key(input);
    if (typeof found === 'string') return found;
    throw new TypeError(`${taskName}: the key of a record is a string, not ${found === null ? 'null' : typeof found}`);
  }
  return {
    guard: (input) => void read(input),
    keyOf(input) {
      try {
        return read(input);
      } catch {
        return undefined;
      }
    },
  };
}
