/** A longer head is refused: probes and scrapers send a few fields. */
export const MAX_HEAD_BYTES = 8_192

/** What a probe or a scraper asked for. */
export interface OpsRequest {
  readonly method: string
  /** Without a query. */
  readonly path: string
  /** The field `Accept`; empty when it was not sent. */
  readonly accept: string
}

/**
 * Reads the head of a request; `undefined` while it is not complete. A connection has one request, so that nothing after it
 * can be taken for another.
 *
 * @throws Error when it is none of HTTP/1
 */
export function readOpsRequest(head: string): OpsRequest | undefined {
  const end = /\r?\n\r?\n/.exec(head)
  if (end === null) {
    if (head.length >= MAX_HEAD_BYTES) throw new Error('the head is too long')
    return undefined
  }
  const [line = '', ...fields] = head.slice(0, end.index).split(/\r?\n/)
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(line) ?? []
  if (method === undefined || target === undefined) throw new Error('the request is none of HTTP/1')
  const accept = fields.flatMap((field) => /^accept:[ \t]*(.*)$/i.exec(field)?.[1] ?? [])
  return { method, path: pathOf(target), accept: accept.join(', ') }
}

/** Of `/ready?verbose`, or of `http://host/ready`, as a proxy would ask. */
function pathOf(target: string): string {
  return target.replace(/^http:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '') || '/'
}
