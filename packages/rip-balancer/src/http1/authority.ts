import { HOST, isDigit } from './byte-class.ts'

const COLON = 0x3a
const OPEN = 0x5b
const CLOSE = 0x5d
const MAX_NAME_BYTES = 254
const MAX_PORT = 65_535

/**
 * Whether `bytes[from, to)` is `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 §7.2, RFC 3986
 * §3.2.2). User information, percent escapes and lists are refused.
 */
export function isAuthority(bytes: Uint8Array, from: number, to: number): boolean {
  const hostEnd = bytes[from] === OPEN ? ipLiteralEnd(bytes, from, to) : nameEnd(bytes, from, to)
  if (hostEnd < 0) return false
  return hostEnd === to || isPort(bytes, hostEnd, to)
}

function nameEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && HOST[bytes[at]!] === 1) at++
  return at === from || at - from > MAX_NAME_BYTES ? -1 : at
}

/** An address in brackets: IPv6 by shape; the backend decides whether it means something. */
function ipLiteralEnd(bytes: Uint8Array, from: number, to: number): number {
  const close = bytes.indexOf(CLOSE, from)
  if (close < 0 || close >= to) return -1
  return isIpv6(Buffer.prototype.latin1Slice.call(bytes, from + 1, close)) ? close + 1 : -1
}

function isIpv6(text: string): boolean {
  if (!/^[0-9A-Fa-f:.]+$/.test(text)) return false
  return URL.canParse(`http://[${text}]/`)
}

function isPort(bytes: Uint8Array, from: number, to: number): boolean {
  if (bytes[from] !== COLON) return false
  let port = 0
  for (let at = from + 1; at < to; at++) {
    if (!isDigit(bytes[at]!)) return false
    port = port * 10 + bytes[at]! - 0x30
    if (port > MAX_PORT) return false
  }
  return true
}
