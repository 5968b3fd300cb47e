import { nearest } from '../../core/nearest.ts';

/** The rule that the value of an option must follow. */
export interface OptionRule {
  /** Completes the sentence "the option is …". */
  readonly rule: string;
  readonly required?: boolean;
  readonly holds: (value: unknown) => boolean;
}

export type OptionRules = Readonly<Record<string, OptionRule>>;

/**
 * Throws TypeError if the options are no object, or if an option is unknown, wrong or missing. `elsewhere` maps an option
 * that only another function takes to the name of that function. An option with the value `undefined` is not set.
 */
export function checkOptions(
  task: string,
  options: unknown,
  rules: OptionRules,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (!isObject(options)) throw new TypeError(`${task}: the options are an object, not ${shown(options)}`);
  for (const option of Object.keys(options)) {
    if (!Object.hasOwn(rules, option))
      throw new TypeError(`${task}: ${unknown(option, Object.keys(rules), elsewhere)}`);
  }
  for (const [option, { rule, required, holds }] of Object.entries(rules)) {
    const value: unknown = Reflect.get(options, option);
    if (value === undefined ? required === true : !holds(value)) {
      throw new TypeError(`${task}: ${option} is ${rule}, not ${shown(value)}`);
    }
  }
}

function unknown(option: string, known: readonly string[], elsewhere: Readonly<Record<string, string>>): string {
  if (Object.hasOwn(elsewhere, option)) return `there is no option ${option} here: ${elsewhere[option]} takes it`;
  const meant = nearest(option, known);
  const hint = meant === undefined ? `the options are ${known.join(', ')}` : `did you mean ${meant}?`;
  return `there is no option ${JSON.stringify(option)}; ${hint}`;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value has all these methods. */
export function hasMethods(value: unknown, ...names: readonly string[]): value is object {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === 'function');
}

export function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least;
}

const longestShown = 60;

/** A value as a message shows it: short, and without calling any method of the value. */
export function shown(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return isClass(value) ? 'a class' : 'a function';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') {
    return JSON.stringify(value.length > longestShown ? `${value.slice(0, longestShown)}…` : value);
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value;
}

/** A class can only be called with `new`. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}
