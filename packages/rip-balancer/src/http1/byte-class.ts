/** Character classes of HTTP/1.1 as tables of 256 entries: one look-up per byte while scanning. */

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COLON = 0x3a

const TOKEN_CHARS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const HEX_CHARS = '0123456789ABCDEFabcdef'
const HOST_CHARS = "-._~!$&'()*+;=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const QUERY_CHARS = '"<>\\'

function tableOf(accepts: (char: string, byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => accepts(String.fromCharCode(byte), byte))
}

/** `tchar` (RFC 9110 §5.6.2). 1 is a token character, 3 the underscore, which many backends take for a hyphen. */
export const TOKEN: Uint8Array = tableOf((char) => (char === '_' ? 3 : TOKEN_CHARS.includes(char) ? 1 : 0))

/** `field-vchar`, SP and HTAB (RFC 9110 §5.5): everything but control characters; obs-text is opaque. */
export const FIELD_VALUE: Uint8Array = tableOf((_, byte) =>
  byte === TAB || (byte >= SP && byte !== 0x7f) ? 1 : 0,
)

/** `%`, which starts an escape in a path. */
export const TARGET_PERCENT = 2
/** Taken in a query, where every parser sees the same data; refused in a path, where they differ. */
export const TARGET_QUERY_ONLY = 3
/** Like it, and passed on as an escape, as some backends refuse raw bytes beyond ASCII. */
export const TARGET_8BIT = 4

/**
 * Octets of a request target. 1 is RFC 3986 plus the few visible characters that clients leave unescaped in a path
 * (`{}|^` and the backquote); 0 is refused everywhere: control characters, space and `#`.
 */
export const TARGET: Uint8Array = tableOf((char, byte) => {
  if (byte <= SP || byte === 0x7f || char === '#') return 0
  if (byte > 0x7f) return TARGET_8BIT
  if (QUERY_CHARS.includes(char)) return TARGET_QUERY_ONLY
  return char === '%' ? TARGET_PERCENT : 1
})

/** Octets of a registered name (RFC 3986 §3.2.2) without `%` and `,`, which no host name needs. */
export const HOST: Uint8Array = tableOf((char) => (HOST_CHARS.includes(char) ? 1 : 0))

/** Value of a hexadecimal digit, 255 for anything else. */
export const HEX: Uint8Array = tableOf((char) => (HEX_CHARS.includes(char) ? Number.parseInt(char, 16) : 255))

/** Whether the byte is an ASCII digit. */
export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** Compares bytes with lower-case ASCII text without regard to case; both sides must consist of token characters. */
export function equalsText(bytes: Uint8Array, from: number, to: number, lowerCase: string): boolean {
  if (to - from !== lowerCase.length) return false
  for (let index = 0; index < lowerCase.length; index++)
    if (lowerCaseOf(bytes[from + index]!) !== lowerCase.charCodeAt(index)) return false
  return true
}

/** Compares two ranges of bytes as ASCII text without regard to case. */
export function equalsRange(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false
  for (let index = aTo - aFrom - 1; index >= 0; index--)
    if (lowerCaseOf(a[aFrom + index]!) !== lowerCaseOf(b[bFrom + index]!)) return false
  return true
}

function lowerCaseOf(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

/** Decodes bytes one to one; obs-text becomes U+0080 to U+00FF. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.prototype.latin1Slice.call(bytes, from, to)
}
