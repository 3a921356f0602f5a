import { METHODS } from 'node:http'
import type { RequestHead } from './request-head.ts'

/** What the HTTP parsers of Bun and Node.js take: the methods of RFC 9110 and those of the IANA registry in use. */
const known: ReadonlySet<string> = new Set(METHODS)

/** Whether backends know the method, which is case-sensitive (RFC 9110 §9.1). */
export function isKnownMethod(head: RequestHead): boolean {
  return head.isMethod('GET') || head.isMethod('POST') || known.has(head.method)
}
