import { CHUNK_BYTES } from '@relay/protocol';

/** Room left in a chunk for the fields around its entries. */
const OVERHEAD_BYTES = 1_024;

/**
 * Cuts a list so that the JSON text of each part stays under one chunk of the protocol. Always at least one part, which may be
 * empty; an item larger than a chunk stands alone.
 */
export function chunkEntries<T>(
  items: readonly T[],
  jsonOf: (item: T) => unknown,
): readonly (readonly T[])[] {
  const chunks: T[][] = [];
  let current: T[] = [];
  let room = CHUNK_BYTES - OVERHEAD_BYTES;
  for (const item of items) {
    // Names travel in snake_case, which is a little longer, and text may need three bytes a character: count twice the length.
    const bytes = 2 * JSON.stringify(jsonOf(item)).length;
    if (bytes > room && current.length > 0) {
      chunks.push(current);
      current = [];
      room = CHUNK_BYTES - OVERHEAD_BYTES;
    }
    current.push(item);
    room -= bytes;
  }
  chunks.push(current);
  return chunks;
}
