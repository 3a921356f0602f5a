import { equalsText } from '../http1/byte-class.ts'
import { FIELD, type FieldId } from '../http1/field-name.ts'
import type { FieldSection } from '../http1/field-section.ts'
import type { ResponseHead } from '../http1/response-head.ts'

const MEDIA_TYPE = 'text/event-stream'
const OWS_AND_SEMICOLON: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x3b])

/**
 * Whether the response is a stream of server-sent events (WHATWG HTML §9.2) whose end is not known: one with a
 * declared length is a download, whatever it says it is.
 */
export function opensEventStream(response: ResponseHead): boolean {
  return response.body.isOpenEnded && isEventStream(response, FIELD.contentType)
}

/** Whether the client says that it wants one; what it gets is up to the backend. */
export function asksForEventStream(request: FieldSection): boolean {
  return isEventStream(request, FIELD.accept)
}

/** Type names compare without case, parameters may follow (RFC 9110 §8.3.1). */
function isEventStream(section: FieldSection, field: FieldId): boolean {
  const index = section.find(field)
  if (index < 0) return false
  const { bytes } = section
  const from = section.valueStart(index)
  const to = section.valueEnd(index)
  const end = from + MEDIA_TYPE.length
  if (end > to || !equalsText(bytes, from, end, MEDIA_TYPE)) return false
  return end === to || OWS_AND_SEMICOLON.has(bytes[end])
}
