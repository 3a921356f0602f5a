import { equalsRange, equalsText, TARGET, TOKEN } from '../../http1/byte-class.ts'
import { FIELD, fieldId } from '../../http1/field-name.ts'
import type { FieldSink } from '../../http2/hpack/field-sink.ts'
import { FieldLines } from './field-lines.ts'

const COLON = 0x3a
const SLASH = 0x2f
const STAR = 0x2a

/** Pseudo fields of a request (RFC 9113 §8.3.1, RFC 8441 §4), by their names. */
const PSEUDO = { method: 0, path: 1, scheme: 2, authority: 3, protocol: 4 } as const
const PSEUDO_NAMES: readonly Buffer[] = Object.keys(PSEUDO).map((name) => Buffer.from(`:${name}`))
/** What each may consist of. */
const PSEUDO_KINDS: readonly Uint8Array[] = [TOKEN, TARGET, TOKEN, TARGET, TOKEN]
const ABSENT = -1

/**
 * The fields of a request, on their way to becoming a head of HTTP/1.1, which the strict parser reads: each rule of
 * that parser holds for HTTP/2 as well. Here is what HTTP/2 demands in addition (RFC 9113 §8.2, §8.3): names in lower case,
 * pseudo fields in front, each once, and no fields that concern a connection.
 */
export class RequestFields implements FieldSink {
  /** The head, when `end` has been called. */
  readonly lines: FieldLines = new FieldLines()
  /** The client takes trailer fields. */
  takesTrailers = false
  /** The request is a CONNECT that asks for another protocol (RFC 8441). */
  isTunnel = false
  private readonly pseudo = new FieldLines()
  private readonly starts = new Int32Array(PSEUDO_NAMES.length)
  private readonly ends = new Int32Array(PSEUDO_NAMES.length)
  private readonly cookies = new FieldLines()
  private hasBegun = false
  private hasLength = false

  /** Begins a request. */
  reset(): void {
    this.lines.reset()
    this.pseudo.reset()
    this.cookies.reset()
    this.starts.fill(ABSENT)
    this.takesTrailers = this.isTunnel = this.hasBegun = this.hasLength = false
  }

  field(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    if (name[nameFrom] === COLON && nameTo > nameFrom)
      return this.takePseudo(name, nameFrom, nameTo, value, valueFrom, valueTo)
    if (!this.hasBegun) this.begin()
    switch (fieldId(name, nameFrom, nameTo)) {
      case FIELD.connection:
      case FIELD.proxyConnection:
      case FIELD.keepAlive:
      case FIELD.transferEncoding:
      case FIELD.upgrade:
        return this.refuse()
      case FIELD.te:
        return this.takeTe(name, nameFrom, nameTo, value, valueFrom, valueTo)
      case FIELD.cookie:
        return this.takeCookie(name, nameFrom, nameTo, value, valueFrom, valueTo)
      case FIELD.host:
        if (this.has(PSEUDO.authority))
          return this.compareHost(name, nameFrom, nameTo, value, valueFrom, valueTo)
        break
      case FIELD.secWebsocketKey:
        // The key of a WebSocket over HTTP/1.1 is written by the balancer (RFC 8441 §5).
        if (this.isTunnel) return this.leaveOut(name, nameFrom, nameTo, value, valueFrom, valueTo)
        break
      case FIELD.contentLength:
        this.hasLength = true
    }
    this.lines.add(name, nameFrom, nameTo, value, valueFrom, valueTo)
  }

  /**
   * Completes the head.
   *
   * @param hasBody whether data may follow
   * @returns whether the request is well formed, as far as HTTP/1.1 does not say more
   */
  end(hasBody: boolean): boolean {
    if (!this.hasBegun) this.begin()
    const { lines, cookies } = this
    if (cookies.at > 0) {
      lines.text('cookie: ')
      lines.copy(cookies.bytes, 0, cookies.at)
      lines.lineEnd()
    }
    if (hasBody && !this.hasLength && !this.isTunnel) lines.text('transfer-encoding: chunked\r\n')
    lines.lineEnd()
    return !lines.isMalformed && !this.pseudo.isMalformed && !cookies.isMalformed
  }

  private takePseudo(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    const { pseudo } = this
    const index = pseudoIndex(name, nameFrom, nameTo)
    if (index < 0 || this.has(index) || this.hasBegun) return this.refuse()
    this.starts[index] = pseudo.at
    pseudo.checked(value, valueFrom, valueTo, PSEUDO_KINDS[index]!)
    this.ends[index] = pseudo.at
  }

  /** Writes the request line and `Host`: all pseudo fields are in front of the others. */
  private begin(): void {
    this.hasBegun = true
    if (!this.isText(PSEUDO.method, 'CONNECT')) return this.beginRequest()
    if (this.has(PSEUDO.protocol)) return this.beginTunnel()
    if (this.has(PSEUDO.scheme) || this.has(PSEUDO.path) || this.isEmpty(PSEUDO.authority))
      return this.refuse()
    this.requestLine(PSEUDO.method, PSEUDO.authority)
  }

  private beginRequest(): void {
    if (this.isEmpty(PSEUDO.method) || this.has(PSEUDO.protocol) || !this.hasTarget) return this.refuse()
    this.requestLine(PSEUDO.method, PSEUDO.path)
  }

  /** A GET that asks for an upgrade means the same in HTTP/1.1 (RFC 8441 §5). */
  private beginTunnel(): void {
    if (!this.hasTarget || this.isEmpty(PSEUDO.authority) || this.isEmpty(PSEUDO.protocol))
      return this.refuse()
    const { lines } = this
    this.isTunnel = true
    lines.text('GET')
    this.requestLine(undefined, PSEUDO.path)
    lines.text('connection: upgrade\r\nupgrade: ')
    this.write(PSEUDO.protocol)
    lines.lineEnd()
    if (this.isText(PSEUDO.protocol, 'websocket'))
      lines.text(`sec-websocket-key: ${crypto.getRandomValues(Buffer.alloc(16)).toString('base64')}\r\n`)
  }

  private requestLine(method: number | undefined, target: number): void {
    const { lines } = this
    if (method !== undefined) this.write(method)
    lines.text(' ')
    this.write(target)
    lines.text(' HTTP/1.1\r\n')
    if (!this.has(PSEUDO.authority)) return
    lines.text('host: ')
    this.write(PSEUDO.authority)
    lines.lineEnd()
  }

  /** Whether scheme and path are those of a request for a resource: absolute forms, which HTTP/1.1 has, are not. */
  private get hasTarget(): boolean {
    if (
      this.isEmpty(PSEUDO.path) ||
      !(this.isText(PSEUDO.scheme, 'http') || this.isText(PSEUDO.scheme, 'https'))
    )
      return false
    const start = this.starts[PSEUDO.path]!
    const first = this.pseudo.bytes[start]
    return first === SLASH || (first === STAR && this.ends[PSEUDO.path]! === start + 1)
  }

  /** The only coding that may be named (RFC 9113 §8.2.2). */
  private takeTe(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    if (!isSame(name, nameFrom, nameTo, TE)) return this.refuse()
    if (equalsText(value, valueFrom, valueTo, 'trailers')) this.takesTrailers = true
    else this.refuse()
  }

  /** A field that is not passed on has to be well formed as well. */
  private leaveOut(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    const { lines } = this
    const { at } = lines
    lines.add(name, nameFrom, nameTo, value, valueFrom, valueTo)
    lines.at = at
  }

  /** Clients send the parts of a cookie as fields of their own (RFC 9113 §8.2.3). */
  private takeCookie(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    if (!isSame(name, nameFrom, nameTo, COOKIE)) return this.refuse()
    const { cookies } = this
    if (valueFrom === valueTo) return
    if (cookies.at > 0) cookies.text('; ')
    cookies.value(value, valueFrom, valueTo)
  }

  /** `host` may only repeat what `:authority` says (RFC 9113 §8.3.1). */
  private compareHost(
    name: Buffer,
    nameFrom: number,
    nameTo: number,
    value: Buffer,
    valueFrom: number,
    valueTo: number,
  ): void {
    const start = this.starts[PSEUDO.authority]!
    const end = this.ends[PSEUDO.authority]!
    if (!isSame(name, nameFrom, nameTo, HOST)) return this.refuse()
    if (!equalsRange(this.pseudo.bytes, start, end, value, valueFrom, valueTo)) this.refuse()
  }

  private has(index: number): boolean {
    return this.starts[index] !== ABSENT
  }

  private isEmpty(index: number): boolean {
    return !this.has(index) || this.starts[index] === this.ends[index]
  }

  private isText(index: number, text: string): boolean {
    if (!this.has(index) || this.ends[index]! - this.starts[index]! !== text.length) return false
    for (let at = 0; at < text.length; at++)
      if (this.pseudo.bytes[this.starts[index]! + at] !== text.charCodeAt(at)) return false
    return true
  }

  private write(index: number): void {
    this.lines.copy(this.pseudo.bytes, this.starts[index]!, this.ends[index]!)
  }

  private refuse(): void {
    this.lines.isMalformed = true
  }
}

const COOKIE = Buffer.from('cookie')
const HOST = Buffer.from('host')
const TE = Buffer.from('te')

function pseudoIndex(bytes: Buffer, from: number, to: number): number {
  for (let index = 0; index < PSEUDO_NAMES.length; index++)
    if (isSame(bytes, from, to, PSEUDO_NAMES[index]!)) return index
  return -1
}

/** Names that are known are known in any case of their letters. */
function isSame(bytes: Buffer, from: number, to: number, name: Buffer): boolean {
  if (to - from !== name.length) return false
  for (let index = 0; index < name.length; index++) if (bytes[from + index] !== name[index]) return false
  return true
}
