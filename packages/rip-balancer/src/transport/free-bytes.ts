/** Less is left to the garbage collector. */
const MIN_BYTES = 32 * 1024

/** Whether `freeBytes` does anything for bytes of that length. */
export function isWorthFreeing(bytes: Uint8Array): boolean {
  return bytes.length >= MIN_BYTES
}

/**
 * Frees the memory of bytes that are not needed any more, at once: the collector would let those of a download pile up to tens
 * of megabytes first (`bench/slow`). They are empty afterwards. What is small is not even asked for its `buffer`: the
 * runtime makes that object when it is asked, which costs more than parsing a head.
 */
export function freeBytes(bytes: Uint8Array): void {
  if (!isWorthFreeing(bytes)) return
  const { buffer } = bytes
  if (bytes.length === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
