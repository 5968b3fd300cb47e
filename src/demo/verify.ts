import type { DemoMode } from './latency.ts';
import { isJsonObject, type JsonValue, parseJson } from '../core/json/json.ts';
import type { Airport } from './data.ts';
import type { Flow } from './flow.ts';

export interface Verdict {
  /** Lines that hold `_error`. */
  readonly errors: number;
  /** The first faults, in words; empty if every line is right. */
  readonly faults: readonly string[];
}

const mostFaults = 5;

/** The first member that the service added to a record. */
const firstAdded = /,"(?:originAirport|destinationAirport|_error)":/;

/**
 * Checks every line of the response. It must begin with the bytes of a line that was sent, each once, and in order in mode
 * ordered. It must hold the city and the name of both airports from airports.csv.
 */
export function verify(
  flow: Flow,
  sent: readonly string[],
  airports: ReadonlyMap<string, Airport>,
  mode: DemoMode,
): Verdict {
  const faults: string[] = [];
  const fault = (text: string): void => {
    if (faults.length < mostFaults) faults.push(text);
  };
  const missing = new Map<string, number>();
  for (const line of sent) missing.set(line, (missing.get(line) ?? 0) + 1);
  let errors = 0;

  if (flow.lines.length !== sent.length) fault(`${sent.length} lines were sent and ${flow.lines.length} came back`);
  if (flow.trailers['millrace-status'] !== 'complete') fault('the trailer Millrace-Status: complete is missing');
  for (const [index, line] of flow.lines.entries()) {
    const at = `line ${index + 1}`;
    const original = originalOf(line);
    const unmatched = missing.get(original) ?? 0;
    if (unmatched === 0) fault(`${at} was not sent, or came back twice: ${line}`);
    else if (mode === 'ordered' && original !== sent[index]) fault(`${at} is out of order: ${line}`);
    missing.set(original, unmatched - 1);
    const found = contentFault(line, airports);
    if (found === undefined) continue;
    if (found.isError) errors++;
    fault(`${at}: ${found.text}`);
  }
  return { errors, faults };
}

function originalOf(line: string): string {
  const end = firstAdded.exec(line)?.index;
  return end === undefined ? line : `${line.slice(0, end)}}`;
}

function contentFault(
  line: string,
  airports: ReadonlyMap<string, Airport>,
): { readonly text: string; readonly isError: boolean } | undefined {
  const record = parsed(line);
  if (!isJsonObject(record)) return { text: `it is not a JSON object: ${line}`, isError: false };
  if (record['_error'] !== undefined) return { text: JSON.stringify(record['_error']), isError: true };
  for (const end of ['origin', 'destination']) {
    const code = JSON.stringify(record[end]).replaceAll('"', '');
    const found = record[`${end}Airport`];
    const expected = airports.get(code);
    for (const member of ['city', 'name']) {
      const value = isJsonObject(found) ? found[member] : undefined;
      if (value === undefined || value !== expected?.[member]) {
        const text = `${member} of ${end} ${code} is ${JSON.stringify(value)}, but ${JSON.stringify(expected?.[member])} in airports.csv`;
        return { text, isError: false };
      }
    }
  }
  return undefined;
}

function parsed(line: string): JsonValue | undefined {
  try {
    return parseJson(line);
  } catch {
    return undefined;
  }
}
