/** Fields of the static table (RFC 7541, appendix A); a name without `=` has an empty value. */
const ENTRIES = `:authority
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset
accept-encoding=gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`

/** Indices of the static table that are needed by name. */
export const STATIC = {
  authority: 1,
  get: 2,
  post: 3,
  /** `:path: /` */
  root: 4,
  http: 6,
  https: 7,
  status200: 8,
  status204: 9,
  status206: 10,
  status304: 11,
  status400: 12,
  status404: 13,
  status500: 14,
  authorization: 23,
  cookie: 32,
  proxyAuthorization: 49,
  setCookie: 55,
} as const

/** One field of the static table. */
export interface StaticEntry {
  readonly name: Buffer
  readonly value: Buffer
}

/** The entries by index; there is none at 0. */
export const STATIC_TABLE: readonly StaticEntry[] = ['', ...ENTRIES.split('\n')].map(parsed)

function parsed(line: string): StaticEntry {
  const [name = '', value = ''] = line.split('=', 2)
  return { name: Buffer.from(name, 'latin1'), value: Buffer.from(value, 'latin1') }
}

/** The first index of each name that is no pseudo field, by its length and first letter. */
const indicesByShape: (readonly number[] | undefined)[] = []
for (let index = STATIC_TABLE.length - 1; index > STATIC.status500; index--) {
  const { name } = STATIC_TABLE[index]!
  const shape = shapeOf(name.length, name[0]!)
  indicesByShape[shape] = [index, ...(indicesByShape[shape] ?? [])]
}

function shapeOf(length: number, first: number): number {
  return (length << 5) | (first & 31)
}

const LONGEST = 32

/** Index of the entry with this name, a token that may have capital letters; 0 when there is none. Pseudo fields are not found. */
export function staticIndexOf(bytes: Buffer, from: number, to: number): number {
  if (to - from >= LONGEST) return 0
  const indices = indicesByShape[shapeOf(to - from, bytes[from]!)]
  if (indices === undefined) return 0
  for (let at = 0; at < indices.length; at++) {
    const index = indices[at]!
    if (isSameName(bytes, from, STATIC_TABLE[index]!.name)) return index
  }
  return 0
}

/** Setting bit 5 folds the case, and maps no other character of a token to a letter or hyphen. */
function isSameName(bytes: Buffer, from: number, name: Buffer): boolean {
  for (let index = 0; index < name.length; index++)
    if ((bytes[from + index]! | 0x20) !== name[index]) return false
  return true
}
