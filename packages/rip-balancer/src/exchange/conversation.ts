import { equalsText } from '../http1/byte-class.ts'
import { FIELD } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'

/** Beginnings of the types of calls whose messages may go in both directions; no head tells which of them do. */
const MEDIA_TYPES = ['application/grpc', 'application/connect+']

/**
 * Whether client and backend may send each other messages for as long as they like, as streams of gRPC do: then the body of the
 * request is no upload that can be waited for.
 */
export function mayConverse(request: RequestHead): boolean {
  const index = request.major === 2 ? request.find(FIELD.contentType) : -1
  if (index < 0) return false
  const { bytes } = request
  const from = request.valueStart(index)
  const to = request.valueEnd(index)
  return MEDIA_TYPES.some(
    (type) => from + type.length <= to && equalsText(bytes, from, from + type.length, type),
  )
}
