import { tests as root } from '@bufbuild/cel-spec/testdata/conformance.js';
import { CelMap, type Value, TypeValue, Uint } from '../../src/cel/value.ts';

/** One test of the conformance data, as it is in the JSON. */
export interface ConformanceTest {
  /** Suite, section and name. */
  readonly name: string;
  readonly expression: string;
  /** Whether types that do not match are a mistake. */
  readonly typed: boolean;
  readonly variables: ReadonlyMap<string, () => Value>;
  /** Undefined if an error is expected. */
  readonly expected: (() => Value) | undefined;
  /** Whether the test is about the type of the expression only. */
  readonly checkOnly: boolean;
}

interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: Original }[];
}

interface Original {
  readonly name?: string;
  readonly expr?: string;
  readonly disableCheck?: boolean;
  readonly checkOnly?: boolean;
  readonly bindings?: Readonly<Record<string, { readonly value?: Json }>>;
  readonly value?: Json;
  readonly typedResult?: { readonly result?: Json };
  readonly evalError?: unknown;
}

type Json = Readonly<Record<string, unknown>>;

/** All tests. Tests with the same name get a number at the end. */
export function conformanceTests(): readonly ConformanceTest[] {
  const seen = new Map<string, number>();
  return [...walk(root as Suite, [])].map((test) => {
    const count = (seen.get(test.name) ?? 0) + 1;
    seen.set(test.name, count);
    return count === 1 ? test : { ...test, name: `${test.name} #${count}` };
  });
}

function* walk({ suites = [], tests = [] }: Suite, path: readonly string[]): Generator<ConformanceTest> {
  for (const suite of suites) yield* walk(suite, [...path, suite.name]);
  for (const { original } of tests) {
    const expected = original.value ?? original.typedResult?.result ?? { boolValue: true };
    yield {
      name: [...path, original.name ?? ''].join('/'),
      expression: original.expr ?? '',
      typed: original.disableCheck !== true,
      variables: new Map(
        Object.entries(original.bindings ?? {}).map(([name, { value = {} }]) => [name, () => valueOf(value)]),
      ),
      expected: original.evalError === undefined ? () => valueOf(expected) : undefined,
      checkOnly: original.checkOnly === true,
    };
  }
}

/** Throws Error for messages of protobuf, which are not supported. */
function valueOf(json: Json): Value {
  const [[kind, content] = ['', undefined]] = Object.entries(json);
  switch (kind) {
    case 'nullValue':
      return null;
    case 'boolValue':
      return content === true;
    case 'stringValue':
      return String(content);
    case 'int64Value':
      return BigInt(String(content));
    case 'uint64Value':
      return new Uint(BigInt(String(content)));
    case 'doubleValue':
      return Number(content);
    case 'bytesValue':
      return Buffer.from(String(content), 'base64');
    case 'typeValue':
      return new TypeValue(String(content));
    case 'listValue':
      return ((content as { values?: Json[] }).values ?? []).map(valueOf);
    case 'mapValue': {
      const map = new CelMap();
      const { entries = [] } = content as { entries?: { key: Json; value: Json }[] };
      for (const { key, value } of entries) map.set(valueOf(key), valueOf(value));
      return map;
    }
    default:
      throw new Error(`a value of the kind ${kind} is none of CEL`);
  }
}
