import { Histogram, type Registry } from 'prom-client';
import type { MetricCounter, MetricGroup, MetricHistogram } from '../../core/observer/metric-group.ts';
import type { FunctionMetricScope } from '../../core/observer/observer.ts';
import { publishCounter, publishGauge } from './published.ts';

const prefix = 'millrace_function';
const help = 'Counted by the function of a lookup.';
const labelNames = ['lookup'];
const nameRule = /^[a-zA-Z][a-zA-Z0-9_]*$/;

type Kind = 'counter' | 'gauge' | 'histogram';

interface GaugeRead {
  readonly read: () => number;
  readonly opening: symbol;
}

/**
 * The metrics of users' functions: `millrace_function_GROUP_NAME`, with the lookup as label.
 *
 *     counter("calls") of lookups a and b   ──▶   millrace_function_calls_total{lookup="a"} 3
 *                                                 millrace_function_calls_total{lookup="b"} 5
 *
 * A family is registered at the first call with its name. The same name in two lookups is one family; a second call with
 * the same name returns the same metric. A lookup that is opened again while its old function still runs has two gauges
 * of one name: the one registered last is read, until it is closed.
 */
export class FunctionMetrics {
  readonly #registry: Registry;
  readonly #kinds = new Map<string, Kind>();
  readonly #counts = new Map<string, Map<string, { count: number }>>();
  readonly #reads = new Map<string, Map<string, readonly GaugeRead[]>>();
  readonly #histograms = new Map<string, Histogram>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  of(lookup: string): FunctionMetricScope {
    const opening = Symbol(lookup);
    return {
      group: this.#group(lookup, prefix, opening),
      close: () => {
        for (const reads of this.#reads.values()) setReads(reads, lookup, (read) => read.opening !== opening);
      },
    };
  }

  /** Removes the metrics of this lookup. */
  forget(lookup: string): void {
    for (const counts of this.#counts.values()) counts.delete(lookup);
    for (const reads of this.#reads.values()) reads.delete(lookup);
    for (const histogram of this.#histograms.values()) histogram.remove({ lookup });
  }

  #group(lookup: string, path: string, opening: symbol): MetricGroup {
    return {
      counter: (name) => this.#counter(lookup, join(path, name)),
      gauge: (name, read) => this.#gauge(lookup, join(path, name), { read, opening }),
      histogram: (name, buckets) => this.#histogram(lookup, join(path, name), buckets),
      group: (name) => this.#group(lookup, join(path, name), opening),
    };
  }

  #counter(lookup: string, path: string): MetricCounter {
    const name = path.endsWith('_total') ? path : `${path}_total`;
    const counts = this.#family(this.#counts, name, 'counter', (all) =>
      publishCounter(this.#registry, { name, help, labelNames }, () => labelled(all, ({ count }) => count)),
    );
    const total = counts.get(lookup) ?? { count: 0 };
    counts.set(lookup, total);
    return {
      inc(n = 1) {
        const count = total.count + n;
        // An infinite sum would make the whole scrape invalid.
        if (!(n >= 0 && Number.isFinite(count)))
          throw new RangeError(`${name}: a counter only goes up by finite numbers, not by ${String(n)}`);
        total.count = count;
      },
    };
  }

  #gauge(lookup: string, name: string, read: GaugeRead): void {
    const reads = this.#family(this.#reads, name, 'gauge', (all) =>
      publishGauge(this.#registry, { name, help, labelNames }, () => labelled(all, readLast)),
    );
    setReads(reads, lookup, ({ opening }) => opening !== read.opening, read);
  }

  #histogram(lookup: string, name: string, buckets: number[] | undefined): MetricHistogram {
    this.#claim(name, 'histogram');
    const bounds = buckets === undefined ? {} : { buckets };
    const histogram =
      this.#histograms.get(name) ?? new Histogram({ name, help, labelNames, registers: [this.#registry], ...bounds });
    this.#histograms.set(name, histogram);
    return { observe: (value) => histogram.observe({ lookup }, value) };
  }

  /** The values of one family by lookup; a new family is published. */
  #family<Value>(
    families: Map<string, Map<string, Value>>,
    name: string,
    kind: Kind,
    publish: (values: ReadonlyMap<string, Value>) => void,
  ): Map<string, Value> {
    this.#claim(name, kind);
    let values = families.get(name);
    if (values === undefined) {
      values = new Map();
      publish(values);
      families.set(name, values);
    }
    return values;
  }

  #claim(name: string, kind: Kind): void {
    const known = this.#kinds.get(name) ?? kind;
    if (known !== kind) throw new Error(`metric ${name} is a ${known}, and cannot be a ${kind} as well`);
    this.#kinds.set(name, kind);
  }
}

function join(path: string, name: string): string {
  if (nameRule.test(name)) return `${path}_${name}`;
  throw new RangeError(
    `the name of a metric consists of letters, digits and _, and begins with a letter, not ${JSON.stringify(name)}`,
  );
}

function* labelled<Value>(
  values: ReadonlyMap<string, Value>,
  read: (value: Value) => number | undefined,
): Generator<readonly [{ lookup: string }, number]> {
  for (const [lookup, value] of values) {
    const number = read(value);
    if (number !== undefined) yield [{ lookup }, number];
  }
}

function setReads(
  all: Map<string, readonly GaugeRead[]>,
  lookup: string,
  stays: (read: GaugeRead) => boolean,
  ...added: readonly GaugeRead[]
): void {
  const reads = [...(all.get(lookup) ?? []).filter(stays), ...added];
  if (reads.length === 0) all.delete(lookup);
  else all.set(lookup, reads);
}

/** A gauge that throws has no value; the other metrics can still be read. */
function readLast(reads: readonly GaugeRead[]): number | undefined {
  try {
    const value: unknown = reads.at(-1)?.read();
    return typeof value === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}
