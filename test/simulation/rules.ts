/** A rule of semantics.md that did not hold. */
export class BrokenRule extends Error {
  readonly rule: string;

  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`);
    this.rule = rule;
  }
}

/**
 * Collects broken rules. They are not thrown in the code under test, which would turn them into outcomes; the round checks
 * this collection after every event.
 */
export class Rules {
  /** Writes each event as a line; undefined if no trace is wanted. */
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
