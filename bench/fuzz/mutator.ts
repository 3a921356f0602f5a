/** A small, fast and reproducible generator (mulberry32): the same seed makes the same requests everywhere. */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** A number in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}

/** Valid requests to start from, as latin-1 text. */
const SEEDS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'GET /path/to?q=1&r=%20 HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n',
  'GET /s?q=100%&d=50%&u=%u0430&a="b"<c>\\|^`{}&r=\xd0\xb0 HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'HEAD /h HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'GET http://b.example/abs HTTP/1.1\r\nHost: b.example\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello',
  'PUT /p HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n',
  'POST /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'POST /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n',
  'DELETE /d HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, X-Gone\r\nX-Gone: 1\r\n\r\n',
  'GET /u HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
  'GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\nGET /2 HTTP/1.1\r\nHost: a.example\r\n\r\n',
  'GET /old HTTP/1.0\r\nHost: a.example\r\n\r\n',
  'POST /x HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 1.2.3.4\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
]

/** Fragments that parsers have read differently before. */
const FRAGMENTS: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\x0b',
  '\x80',
  '\xff',
  '\r\n ',
  '\r\n\t',
  ' :',
  '0',
  '-1',
  '+5',
  '0x5',
  '5, 5',
  '00000000000000005',
  '18446744073709551617',
  'chunked',
  'Chunked',
  'xchunked',
  'chunked, identity',
  'identity',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length : 5\r\n',
  'Content-Length:\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\tchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer_Encoding: chunked\r\n',
  'transfer-encoding: x\r\n',
  'Host: c.example\r\n',
  'Host:\r\n',
  'Host: a.example, b\r\n',
  'Connection: close\r\n',
  'Connection: Content-Length\r\n',
  'Connection: Host, Transfer-Encoding\r\n',
  'TE: trailers\r\n',
  'Trailer: Content-Length\r\n',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'http/1.1',
  'GET ',
  'POST ',
  'CONNECT ',
  'a.example:443',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '\r\n\r\n',
  'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n',
  '//',
  '/../',
  '%2e%2e',
  '#f',
  '?',
  '%',
  '%u0430',
  '%00',
  '\\',
  '<>',
  '\xc3\xa9',
  '?q="\xd0\xb0\\%',
  '@',
  'http://u:p@a.example/',
]

type Mutation = (text: string, random: Random) => string

const mutations: readonly Mutation[] = [
  (text, random) => insert(text, random.below(text.length + 1), random.of(FRAGMENTS)),
  (text, random) => insert(text, lineStart(text, random), random.of(FRAGMENTS)),
  (text, random) => replace(text, random.below(text.length), 1, String.fromCharCode(random.below(256))),
  (text, random) => replace(text, random.below(text.length), 1 + random.below(4), ''),
  (text, random) => replace(text, random.below(text.length), 1 + random.below(8), random.of(FRAGMENTS)),
  (text, random) => shuffleLine(text, random),
  (text, random) => text.replace(/\r\n/, random.of(['\n', '\r', '\r\r\n', '\r\n\r\n'])),
  (text, random) => text + random.of(SEEDS),
  (text, random) => text.replace(/\d+/, String(random.below(20))),
]

const insert = (text: string, at: number, what: string): string => text.slice(0, at) + what + text.slice(at)
const replace = (text: string, at: number, length: number, what: string): string =>
  text.slice(0, at) + what + text.slice(at + length)

function lineStart(text: string, random: Random): number {
  const starts = [0, ...[...text.matchAll(/\r\n/g)].map(({ index }) => index + 2)]
  return random.of(starts)
}

/** Repeats or moves a line. */
function shuffleLine(text: string, random: Random): string {
  const lines = text.split('\r\n')
  const [line = ''] = lines.slice(random.below(lines.length))
  if (random.below(2) === 0) lines.splice(lines.indexOf(line), 1)
  lines.splice(random.below(lines.length), 0, line)
  return lines.join('\r\n')
}

/** The request of a seed: a valid one, changed up to three times. */
export function mutated(seed: number): Buffer {
  const random = new Random(seed)
  let text = random.of(SEEDS)
  for (let n = 1 + random.below(3); n > 0; n--) text = random.of(mutations)(text, random)
  return Buffer.from(text, 'latin1')
}
