/** Less is left to the garbage collector. */
const MIN_BYTES = 32 * 1024

/**
 * Frees the memory of bytes that nobody looks at any more, at once: of a download the collector would let pile up tens
 * of megabytes first (`bench/slow`). They are empty afterwards.
 */
export function freeBytes(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (bytes.length < MIN_BYTES || bytes.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer))
    return
  buffer.transfer(0)
}
