import type { RequestHead } from './request-head.ts'

/** Methods that are counted by name; all others are counted as the first one, as OpenTelemetry calls them. */
export const COUNTED_METHODS = [
  '_OTHER',
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'QUERY',
] as const

const GET = 1
const GET_BYTES = 0x474554

/** Index of its method in {@link COUNTED_METHODS}; makes no text. */
export function methodNumber(head: RequestHead): number {
  const { bytes, start, methodEnd } = head
  // Most requests are of this method.
  if (methodEnd - start === 3 && packed(bytes, start) === GET_BYTES) return GET
  for (let at = GET + 1; at < COUNTED_METHODS.length; at++) if (head.isMethod(COUNTED_METHODS[at]!)) return at
  return 0
}

function packed(bytes: Buffer, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
}
