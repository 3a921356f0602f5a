import { UNTRUSTED_REQUEST } from '../forwarding/field-rules.ts'
import type { OutgoingRequest, OwnRequest } from '../forwarding/outgoing-request.ts'
import { FIELD } from '../http1/field-name.ts'
import type { RequestHead } from '../http1/request-head.ts'

const ZERO = 0x30

/**
 * Whether nothing of the request has to be decided or written anew: each of its fields is passed on as it is or left out,
 * and what is added is the same for all requests of the connection, but for the id.
 */
export function isUsual(request: OutgoingRequest | OwnRequest): request is OutgoingRequest {
  if (request.identity === undefined) return false
  const { head, identity, statement, edits, takesTrailers, rules } = request
  if (statement !== undefined || edits !== undefined || takesTrailers) return false
  const { forwarded, via } = rules.forwarding
  if (identity.trusted || forwarded || via !== undefined || rules.of(identity) !== UNTRUSTED_REQUEST)
    return false
  return hasUsualTarget(head) && hasUsualFields(head)
}

function hasUsualTarget(head: RequestHead): boolean {
  return head.form === 'origin' && head.rawQueryStart === head.targetEnd && head.hostEnd > head.hostStart
}

function hasUsualFields(head: RequestHead): boolean {
  if (head.connection.nominates || head.has(FIELD.expect) || head.has(FIELD.underscored)) return false
  return !head.has(FIELD.maxForwards) && !hasLengthWithZero(head)
}

/** Its length begins with a zero, so that it is written anew. */
function hasLengthWithZero(head: RequestHead): boolean {
  const index = head.find(FIELD.contentLength)
  return index >= 0 && head.bytes[head.valueStart(index)] === ZERO
}
