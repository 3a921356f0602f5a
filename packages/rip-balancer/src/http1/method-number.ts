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

/** Index of its method in {@link COUNTED_METHODS}; makes no text. */
export function methodNumber(head: RequestHead): number {
  for (let at = 1; at < COUNTED_METHODS.length; at++) if (head.isMethod(COUNTED_METHODS[at]!)) return at
  return 0
}
