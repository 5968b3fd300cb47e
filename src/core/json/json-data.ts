/**
 * A number of the configuration whose spelling JavaScript would change: `1.0`, `-0`, `1e400`, `12345678901234567890`.
 * `JSON.stringify` writes it as it was spelled.
 */
export class SpelledNumber {
  /** A number of JSON (RFC 8259, section 6). */
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** The nearest number that JavaScript has. */
  get value(): number {
    return Number(this.source);
  }

  /** No number of JavaScript is equal to it, as far as its shortest spelling tells. */
  get lossy(): boolean {
    return !Number.isFinite(this.value) || digitsOf(this.source) !== digitsOf(String(this.value));
  }

  toJSON(): unknown {
    return rawJson(this.source);
  }
}

/** JSON as an author wrote it. */
export type JsonData = string | number | boolean | null | SpelledNumber | readonly JsonData[] | JsonDataObject;
export type JsonDataObject = { readonly [member: string]: JsonData };

export function isDataObject(value: JsonData | undefined): value is JsonDataObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof SpelledNumber);
}

const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const yamlFloat = /^(?<sign>[-+]?)0*(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<exponent>[eE][-+]?\d+)?$/;
const yamlRadix = /^0[xo]/;

/**
 * A number as YAML 1.2 (core schema) spells it, as data: a number of JavaScript if that one is spelled the same in
 * JSON. Undefined for what JSON has no number for: `.inf`, `.nan`.
 */
export function numberFrom(spelling: string): number | SpelledNumber | undefined {
  const source = jsonSpelling(spelling);
  if (source === undefined) return undefined;
  return JSON.stringify(Number(source)) === source ? Number(source) : new SpelledNumber(source);
}

function jsonSpelling(spelling: string): string | undefined {
  if (jsonNumber.test(spelling)) return spelling;
  if (yamlRadix.test(spelling)) return String(BigInt(spelling));
  const { sign, whole, fraction, exponent = '' } = yamlFloat.exec(spelling)?.groups ?? {};
  if (whole === undefined || !/^[-+]?\.?\d/.test(spelling)) return undefined;
  const decimals = fraction === undefined || fraction === '' ? '' : `.${fraction}`;
  return `${sign === '-' ? '-' : ''}${whole === '' ? '0' : whole}${decimals}${exponent}`;
}

/** Sign, digits without the zeros at either end, and the power of ten behind them: the same for equal numbers. */
function digitsOf(source: string): string {
  const {
    sign = '',
    whole = '',
    fraction = '',
    exponent = '0',
  } = /^(?<sign>-?)(?<whole>\d*)\.?(?<fraction>\d*)(?:[eE](?<exponent>[-+]?\d+))?$/.exec(source)?.groups ?? {};
  const digits = (whole + fraction).replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  if (short === '') return '0';
  return `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`;
}

/** The value as a program gets it: numbers are those of JavaScript. */
export function plainData(data: JsonData): unknown {
  if (data instanceof SpelledNumber) return data.value;
  if (isDataObject(data)) {
    return Object.fromEntries(Object.entries(data).map(([name, member]) => [name, plainData(member)]));
  }
  return Array.isArray(data) ? (data as readonly JsonData[]).map((item) => plainData(item)) : data;
}

/** `JSON.rawJSON` of ECMAScript 2026, which Node 24 has and the types of TypeScript do not. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (source: string) => unknown };
