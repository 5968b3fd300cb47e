import { hasMethods, isClass, isObject, shown } from './option-rules.ts';

/** Throws TypeError for a source that cannot be read. */
export function checkSource(task: string, source: unknown): void {
  if (isSource(source)) return;
  const hint = hasMethods(source, 'then')
    ? 'a promise: await it first'
    : typeof source === 'function' && !isClass(source)
      ? 'a function: call it first, if it is a generator'
      : shown(source);
  throw new TypeError(
    `${task}: the source is an array or another iterable, an async iterable, a Node.js stream or a web stream, not ${hint}`,
  );
}

function isSource(source: unknown): boolean {
  if (typeof source === 'string') return true;
  if (typeof source !== 'object' && typeof source !== 'function') return false;
  if (source === null) return false;
  const methods: readonly (string | symbol)[] = ['getReader', Symbol.asyncIterator, Symbol.iterator];
  return methods.some((name) => typeof Reflect.get(source, name) === 'function');
}

/** Throws TypeError for a function of neither style. */
export function checkFunction(task: string, fn: unknown): void {
  const styles = 'a function (input, context) => values, or an object with a method asyncInvoke';
  if (isClass(fn)) throw new TypeError(`${task}: fn is ${styles}, not a class: pass an instance, made with new`);
  if (typeof fn !== 'function' && !hasMethods(fn, 'asyncInvoke')) {
    const found = isObject(fn) ? 'an object without asyncInvoke' : shown(fn);
    throw new TypeError(`${task}: fn is ${styles}, not ${found}`);
  }
  for (const name of typeof fn === 'function' ? ['timeout'] : ['timeout', 'open', 'close']) {
    const member: unknown = Reflect.get(fn, name);
    if (member !== undefined && typeof member !== 'function') {
      throw new TypeError(`${task}: fn.${name} is a function, if fn has it, not ${shown(member)}`);
    }
  }
}
