import { INCOMPLETE, REFUSED } from '../http1/field-section.ts'
import { canonical, type NodeAddress } from '../address/node-address.ts'
import { ipVersion } from '../address/ip-version.ts'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V1_START = Buffer.from('PROXY ', 'latin1')
/** Longest version 1 line, and the most we take of version 2. */
const MAX_V1_BYTES = 107
const MAX_V2_BYTES = 16 + 2048
/** No header is longer. */
export const MAX_HEADER_BYTES: number = MAX_V2_BYTES
const V2_FIXED_BYTES = 16

/**
 * The header a proxy in front of us puts before the first byte of a connection (PROXY protocol, versions 1 and 2, as
 * published by HAProxy). It is mandatory where it is enabled: a connection without it is refused.
 */
export class ProxyHeader {
  /** The client; `undefined` when the proxy speaks for itself (`UNKNOWN`, `LOCAL`). */
  source: NodeAddress | undefined = undefined
  private gathered: Buffer = Buffer.alloc(0)

  /** @returns the offset in `chunk` behind the header, `INCOMPLETE` or `REFUSED` */
  feed(chunk: Buffer, from: number): number {
    const before = this.gathered.length
    this.gathered = Buffer.concat([this.gathered, chunk.subarray(from, from + MAX_V2_BYTES)])
    const end = this.read(this.gathered)
    return end < 0 ? end : from + end - before
  }

  private read(bytes: Buffer): number {
    if (startsLike(bytes, SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? INCOMPLETE : this.readV2(bytes)
    if (startsLike(bytes, V1_START)) return this.readV1(bytes)
    return REFUSED
  }

  private readV1(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n')
    if (end < 0) return bytes.length > MAX_V1_BYTES ? REFUSED : INCOMPLETE
    if (end + 2 > MAX_V1_BYTES) return REFUSED
    const words = bytes.toString('latin1', V1_START.length, end).split(' ')
    if (words[0] === 'UNKNOWN') return end + 2
    const family = words[0] === 'TCP4' ? 4 : words[0] === 'TCP6' ? 6 : 0
    const [, source = '', target = '', sourcePort = '', targetPort = ''] = words
    if (family === 0 || words.length !== 5 || !isPort(sourcePort) || !isPort(targetPort)) return REFUSED
    if (ipVersion(source) !== family || ipVersion(target) !== family) return REFUSED
    this.source = { address: canonical(source), port: Number(sourcePort) }
    return end + 2
  }

  private readV2(bytes: Buffer): number {
    const end = V2_FIXED_BYTES + bytes.readUInt16BE(14)
    if (bytes[12]! >> 4 !== 2 || end > MAX_V2_BYTES) return REFUSED
    if (bytes.length < end) return INCOMPLETE
    const command = bytes[12]! & 15
    if (command > 1) return REFUSED
    if (command === 0) return end
    return this.readV2Address(bytes, end)
  }

  private readV2Address(bytes: Buffer, end: number): number {
    const family = bytes[13]! >> 4
    const needed = family === 1 ? 12 : family === 2 ? 36 : 0
    if (end - V2_FIXED_BYTES < needed) return REFUSED
    if (family === 1)
      this.source = { address: [...bytes.subarray(16, 20)].join('.'), port: bytes.readUInt16BE(24) }
    if (family === 2)
      this.source = { address: ipv6Text(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) }
    return end
  }
}

/** Whether the bytes are a beginning of the mark, or begin with it. */
function startsLike(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length)
  return bytes.subarray(0, length).equals(mark.subarray(0, length))
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16))
  return canonical(groups.join(':'))
}
