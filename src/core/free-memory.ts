/**
 * Frees the memory of bytes that no code uses any more: their length is 0 from then on. Does nothing if they share their
 * memory with other bytes, as a part of a larger buffer does.
 *
 * The garbage collector would free it later: memory outside of the heap leaves almost nothing in the heap, and V8 begins a
 * collection for its sake only after 64 MB of it.
 */
export function freeMemory({ buffer, byteLength }: ArrayBufferView): void {
  if (byteLength > 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
