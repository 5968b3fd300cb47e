import { canonicalNumber, isJsonNumber } from './json-number.ts';

/**
 * A number of the configuration whose spelling JavaScript would change: `1.0`, `-0`, `1e400`, `12345678901234567890`.
 * `JSON.stringify` writes the original spelling.
 */
export class SpelledNumber {
  /** A number of JSON (RFC 8259, section 6). */
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** The nearest number of JavaScript. */
  get value(): number {
    return Number(this.source);
  }

  /** Whether JavaScript has no number that is equal to it, judged by the shortest spelling of the nearest one. */
  get lossy(): boolean {
    return !Number.isFinite(this.value) || canonicalNumber(this.source) !== canonicalNumber(String(this.value));
  }

  toJSON(): unknown {
    return rawJson(this.source);
  }
}

/** JSON of the configuration; numbers keep their spelling. */
export type JsonData = string | number | boolean | null | SpelledNumber | readonly JsonData[] | JsonDataObject;
export type JsonDataObject = { readonly [member: string]: JsonData };

export function isDataObject(value: JsonData | undefined): value is JsonDataObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof SpelledNumber);
}

const yamlFloat = /^(?<sign>[-+]?)0*(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<exponent>[eE][-+]?\d+)?$/;
const yamlRadix = /^0[xo]/;

/**
 * The value of a number in YAML 1.2 (core schema): a number of JavaScript if JSON spells it the same, else a
 * SpelledNumber. Undefined for `.inf` and `.nan`, which JSON cannot express.
 */
export function numberFrom(spelling: string): number | SpelledNumber | undefined {
  const source = jsonSpelling(spelling);
  if (source === undefined) return undefined;
  return JSON.stringify(Number(source)) === source ? Number(source) : new SpelledNumber(source);
}

function jsonSpelling(spelling: string): string | undefined {
  if (isJsonNumber(spelling)) return spelling;
  if (yamlRadix.test(spelling)) return String(BigInt(spelling));
  const { sign, whole, fraction, exponent = '' } = yamlFloat.exec(spelling)?.groups ?? {};
  if (whole === undefined || !/^[-+]?\.?\d/.test(spelling)) return undefined;
  const decimals = fraction === undefined || fraction === '' ? '' : `.${fraction}`;
  return `${sign === '-' ? '-' : ''}${whole === '' ? '0' : whole}${decimals}${exponent}`;
}

/** The value for a program: every SpelledNumber becomes a number of JavaScript. */
export function plainData(data: JsonData): unknown {
  if (data instanceof SpelledNumber) return data.value;
  if (isDataObject(data)) {
    return Object.fromEntries(Object.entries(data).map(([name, member]) => [name, plainData(member)]));
  }
  return Array.isArray(data) ? (data as readonly JsonData[]).map((item) => plainData(item)) : data;
}

/** `JSON.rawJSON` of ECMAScript 2026: Node 24 has it, the types of TypeScript do not have it yet. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (source: string) => unknown };
