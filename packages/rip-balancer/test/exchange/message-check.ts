/**
 * A second, independent parser of HTTP/1.1 messages for tests: slow, on text, and as strict as the RFC allows for a
 * sender. It reports what is wrong with a sequence of messages, or how the sequence ends.
 */
export type Reading = 'complete' | 'incomplete' | `wrong: ${string}`

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [\x21-\x7e]+ HTTP\/1\.1$/
const STATUS_LINE = /^HTTP\/1\.1 [1-5]\d\d [\t\x20-\x7e\x80-\xff]*$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Reads exactly one request. */
export function readRequest(text: string): Reading {
  const head = headOf(text)
  if (typeof head === 'string') return head
  if (!REQUEST_LINE.test(head.first)) return `wrong: request line ${head.first}`
  if (head.all('host').length !== 1) return 'wrong: not one Host'
  if (head.all('x-forwarded-for').join() !== '127.0.0.1') return 'wrong: X-Forwarded-For'
  const end = bodyEnd(text, head, 0)
  return typeof end === 'string' ? end : end === text.length ? 'complete' : 'wrong: bytes behind the request'
}

/** Reads interim responses and one final response. @param closed whether the connection ended after it */
export function readResponse(text: string, closed: boolean): Reading {
  const head = headOf(text)
  if (typeof head === 'string') return head
  if (!STATUS_LINE.test(head.first)) return `wrong: status line ${head.first}`
  const status = Number(head.first.slice(9, 12))
  if (status < 200) return readResponse(text.slice(head.end), closed)
  const bodyless = status === 204 || status === 304
  const framed = head.all('content-length').length + head.all('transfer-encoding').length > 0
  if (!bodyless && !framed) return closed ? 'complete' : 'incomplete'
  const end = bodyless ? head.end : bodyEnd(text, head, status)
  return typeof end === 'string' ? end : end === text.length ? 'complete' : 'wrong: bytes behind the response'
}

interface Head {
  readonly first: string
  readonly end: number
  all(name: string): string[]
}

function headOf(text: string): Head | 'incomplete' | `wrong: ${string}` {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return 'incomplete'
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const fields = lines.map(
    (line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const,
  )
  for (const [name, value] of fields)
    if (!NAME.test(name) || !VALUE.test(value)) return `wrong: field ${name}`
  const all = (wanted: string): string[] =>
    fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  for (const name of ['keep-alive', 'proxy-connection', 'http2-settings'])
    if (all(name).length > 0) return `wrong: ${name}`
  return { first, end: end + 4, all }
}

function bodyEnd(text: string, head: Head, status: number): number | 'incomplete' | `wrong: ${string}` {
  const lengths = head.all('content-length')
  const codings = head.all('transfer-encoding')
  if (lengths.length + codings.length > 1) return `wrong: several framings (${status})`
  if (codings.length === 1)
    return codings[0] === 'chunked' ? chunksEnd(text, head.end) : `wrong: coding ${codings[0]}`
  const length = lengths[0] ?? '0'
  if (!/^\d+$/.test(length)) return `wrong: length ${length}`
  const end = head.end + Number(length)
  return end > text.length ? 'incomplete' : end
}

function chunksEnd(text: string, from: number): number | 'incomplete' | `wrong: ${string}` {
  for (let at = from; ;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd < 0) return 'incomplete'
    const line = text.slice(at, lineEnd)
    if (!/^[0-9a-f]+$/.test(line)) return `wrong: chunk size ${line}`
    const size = Number.parseInt(line, 16)
    at = lineEnd + 2
    if (size === 0) return text.startsWith('\r\n', at) ? at + 2 : 'wrong: last chunk'
    if (text.length < at + size + 2) return 'incomplete'
    if (!text.startsWith('\r\n', at + size)) return 'wrong: end of chunk'
    at += size + 2
  }
}
