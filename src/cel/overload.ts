import type { Frame } from './frame.ts';
import type { CelType, Duration, Timestamp, Uint, Value } from './value.ts';

/** A function for arguments of certain types. A method has its receiver as the first argument. */
export interface Overload {
  readonly name: string;
  readonly method: boolean;
  readonly parameters: readonly CelType[];
  readonly result: CelType;
  /** The arguments have the types of `parameters`. Throws ExpressionError. */
  readonly run: (args: readonly Value[], frame: Frame) => Value;
}

/** What a value of a type is in JavaScript. */
interface Native {
  bool: boolean;
  int: bigint;
  uint: Uint;
  double: number;
  string: string;
  bytes: Uint8Array;
  list: readonly Value[];
  'google.protobuf.Timestamp': Timestamp;
  'google.protobuf.Duration': Duration;
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

/** The caller has compared the types of the arguments with those of the parameters. */
function untyped<Types extends readonly CelType[]>(body: Body<Types>, count: number): Overload['run'] {
  const call = body as (frame: Frame, ...args: readonly Value[]) => Value;
  // Spreading the arguments takes longer than most functions.
  if (count === 1) return (args, frame) => call(frame, args[0] ?? null);
  if (count === 2) return (args, frame) => call(frame, args[0] ?? null, args[1] ?? null);
  return (args, frame) => call(frame, ...args);
}
