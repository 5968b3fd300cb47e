/**
 * Whether more calls of an input may come before a batch is answered.
 *
 * A batch does not wait for calls that cannot come. No call can come if no record is admitted, because the input has
 * ended or no slot is free, and every record under way is in a batch: one that waits, or one that is being answered.
 */
export class Arrivals {
  #mayCome = always;
  #hooks: Set<() => void> | undefined;

  /** True unless the owner of the input says otherwise. */
  get mayCome(): boolean {
    return this.#mayCome();
  }

  /** For the owner of the input: `mayCome` is the result of this function from now on. */
  decidedBy(mayCome: () => boolean): void {
    this.#mayCome = mayCome;
  }

  /** For the owner of the input: `mayCome` may have become false. */
  changed(): void {
    if (this.#hooks !== undefined && !this.#mayCome()) for (const hook of this.#hooks) hook();
  }

  /** Calls `hook` each time no more calls can come. The returned function removes the hook. */
  onStop(hook: () => void): () => void {
    const hooks = (this.#hooks ??= new Set());
    hooks.add(hook);
    return () => hooks.delete(hook);
  }
}

function always(): boolean {
  return true;
}
