/**
 * The codes of requests that are refused by their head alone, or by the limits of streams and records. Each is a value of
 * the label `reason`.
 */
export const refusalReasons = [
  'misdirected',
  'forbidden_origin',
  'unauthorized',
  'forbidden',
  'too_many_streams',
  'too_many_records',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** Counts the refused requests of both listeners since the start. */
export class Refusals {
  readonly #counts = new Map<string, number>(refusalReasons.map((reason) => [reason, 0]));

  /** Any other code is ignored. */
  count(code: string): void {
    const count = this.#counts.get(code);
    if (count !== undefined) this.#counts.set(code, count + 1);
  }

  /** Every reason, also those without a refusal. */
  toObject(): Readonly<Record<RefusalReason, number>> {
    return Object.fromEntries(this.#counts) as Record<RefusalReason, number>;
  }
}
