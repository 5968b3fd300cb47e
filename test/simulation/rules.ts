/** A rule of semantics.md that did not hold. */
export class BrokenRule extends Error {
  readonly rule: string;

  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`);
    this.rule = rule;
  }
}

/**
 * Collects what is wrong. Nothing is thrown into the code under test, which would make an outcome of it; the round looks
 * here after every event.
 */
export class Rules {
  /** What happens, line by line; undefined where nobody reads it. */
  readonly trace: ((line: string) => void) | undefined;
  #first: BrokenRule | undefined;

  constructor(trace?: (line: string) => void) {
    this.trace = trace;
  }

  broken(rule: string, what: string): void {
    this.#first ??= new BrokenRule(rule, what);
    this.trace?.(`BROKEN ${rule}: ${what}`);
  }

  /** Throws the first one. */
  raise(): void {
    if (this.#first !== undefined) throw this.#first;
  }
}
