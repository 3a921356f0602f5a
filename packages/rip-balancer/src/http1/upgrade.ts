import { equalsText } from './byte-class.ts'
import { eachToken } from './connection-options.ts'
import { FIELD } from './field-name.ts'
import type { FieldSection } from './field-section.ts'
import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'

const SLASH = 0x2f

/**
 * The protocol a request may switch to: the first one in its `Upgrade` field that is allowed. Only a GET without a
 * body counts, of an HTTP/1.1 client that named `upgrade` in `Connection` (RFC 9110 §7.8, RFC 6455 §4.1).
 */
export function requestedUpgrade(head: RequestHead, allowed: readonly string[]): string | undefined {
  if (!head.connection.upgrade || head.minor === 0 || head.hasBody || !head.isMethod('GET')) return undefined
  return allowed.find((protocol) => offers(head, protocol))
}

/** Whether a 101 response switches to that protocol and to nothing else. */
export function switchesTo(response: ResponseHead, protocol: string): boolean {
  const index = response.find(FIELD.upgrade)
  if (index < 0 || !response.connection.upgrade) return false
  return equalsText(response.bytes, response.valueStart(index), response.valueEnd(index), protocol)
}

function offers(head: FieldSection, protocol: string): boolean {
  for (let index = 0; index < head.count; index++) {
    if (head.id(index) !== FIELD.upgrade) continue
    const { bytes } = head
    // A slash joins a name and a version (RFC 9110 §7.8): neither is the protocol without one.
    const matches = (from: number, to: number): boolean =>
      bytes[from - 1] !== SLASH && bytes[to] !== SLASH && equalsText(bytes, from, to, protocol)
    if (eachToken(bytes, head.valueStart(index), head.valueEnd(index), matches)) return true
  }
  return false
}
