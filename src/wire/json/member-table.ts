import { memoryBytes, TABLE, tableBytes } from './json-memory.ts';

export const ROW = 16;

/** Names of top-level members, in the form in which a scan looks for them: see `src/wire/assembly/json-scan.ts`. */
export class MemberTable {
  /** How many names there are. */
  readonly size: number;
  readonly bytes: Buffer;

  constructor(names: readonly string[]) {
    this.size = names.length;
    this.bytes = tableOf(names);
  }
}

/** The table that stands in the memory. */
let prepared: MemberTable | undefined;

/** Puts a table into the memory, if it does not stand there. False if its names are too many. */
export function prepare(table: MemberTable): boolean {
  if (prepared === table) return true;
  if (table.bytes.length > tableBytes) return false;
  table.bytes.copy(memoryBytes, TABLE);
  prepared = table;
  return true;
}

/** Address of the span of a member: its start, its end, and whether it is plain. */
export function spanAddress(index: number): number {
  return TABLE + ROW + ROW * index;
}

function tableOf(names: readonly string[]): Buffer {
  const head = row(names.length);
  const rows = [head, ...names.map(() => row())];
  let lengths = 0n;
  for (const [index, name] of names.entries()) {
    const bytes = Buffer.from(name);
    lengths |= 1n << BigInt(bytes.length % 64);
    const padded = Buffer.alloc(Math.ceil(bytes.length / ROW) * ROW);
    bytes.copy(padded);
    rows.push(row(bytes.length, spanAddress(index)), padded);
  }
  head.writeBigUInt64LE(lengths, 8);
  return Buffer.concat([...rows, row(-1)]);
}

function row(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(ROW);
  for (const [index, word] of words.entries()) bytes.writeInt32LE(word, index * Int32Array.BYTES_PER_ELEMENT);
  return bytes;
}
