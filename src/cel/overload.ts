import type { Frame } from './frame.ts';
import type { CelType, Duration, durationType, Timestamp, timestampType, Uint, Value } from './value.ts';

/** A function for arguments of certain types. The first argument of a method is its receiver. */
export interface Overload {
  readonly name: string;
  readonly method: boolean;
  readonly parameters: readonly CelType[];
  readonly result: CelType;
  /** The arguments have the types of `parameters`. Throws ExpressionError. */
  readonly run: (args: readonly Value[], frame: Frame) => Value;
}

/** The type in JavaScript of the values of each type. */
interface Native {
  bool: boolean;
  int: bigint;
  uint: Uint;
  double: number;
  string: string;
  bytes: Uint8Array;
  list: readonly Value[];
  [timestampType]: Timestamp;
  [durationType]: Duration;
}

type NativeOf<Type extends CelType> = Type extends keyof Native ? Native[Type] : Value;
type Body<Types extends readonly CelType[]> = (
  frame: Frame,
  ...args: { [Index in keyof Types]: NativeOf<Types[Index]> }
) => Value;

/** A function such as `size(string): int`. */
export function define<const Types extends readonly CelType[]>(
  name: string,
  parameters: Types,
  result: CelType,
  body: Body<Types>,
): Overload {
  return { name, method: false, parameters, result, run: untyped(body, parameters.length) };
}

/** A method such as `string.size(): int`. */
export function method<const Types extends readonly CelType[]>(
  name: string,
  parameters: Types,
  result: CelType,
  body: Body<Types>,
): Overload {
  return { name, method: true, parameters, result, run: untyped(body, parameters.length) };
}

/** The caller has checked that the arguments have the types of the parameters. */
function untyped<Types extends readonly CelType[]>(body: Body<Types>, count: number): Overload['run'] {
  const call = body as (frame: Frame, ...args: readonly Value[]) => Value;
  // Spreading the arguments takes longer than most functions.
  if (count === 1) return (args, frame) => call(frame, args[0] ?? null);
  if (count === 2) return (args, frame) => call(frame, args[0] ?? null, args[1] ?? null);
  return (args, frame) => call(frame, ...args);
}
