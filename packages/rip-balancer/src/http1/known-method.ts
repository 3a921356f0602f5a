import type { RequestHead } from './request-head.ts'

/**
 * What the HTTP parsers of Bun and Node.js take: the methods of RFC 9110 and those of the IANA registry in use. The same as
 * `METHODS` of `node:http`, which takes twenty milliseconds to load.
 */
const known: ReadonlySet<string> = new Set(
  (
    'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY ' +
    'OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK ' +
    'UNLOCK UNSUBSCRIBE'
  ).split(' '),
)

/** Whether backends know the method, which is case-sensitive (RFC 9110 §9.1). */
export function isKnownMethod(head: RequestHead): boolean {
  return head.isMethod('GET') || head.isMethod('POST') || known.has(head.method)
}
