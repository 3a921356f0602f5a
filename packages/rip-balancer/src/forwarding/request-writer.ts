import { FIELD, type FieldId } from '../http1/field-name.ts'
import type { FieldSection } from '../http1/field-section.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { decimal } from '../http1/body-framing.ts'
import { authorityOf } from '../address/backend-address.ts'
import { forwardedElement } from './client-identity.ts'
import { DROP, KEEP, REWRITE, type FieldAction } from './field-rules.ts'
import { HeadWriter, type HeadTarget } from './head-writer.ts'
import type { OutgoingRequest } from './outgoing-request.ts'
import { writeRequestIdField } from './request-id.ts'
import type { RequestRules } from './request-rules.ts'

const HOST = Buffer.from('Host: ')
const FORWARDED_HOST = Buffer.from('X-Forwarded-Host: ')
const ZERO = 0x30
const SLASH = 0x2f
const PERCENT = 0x25
const HEX_DIGITS = '0123456789ABCDEF'

/** Writes request heads towards backends, always as HTTP/1.1 (RFC 9112 §2.3). */
export class RequestWriter extends HeadWriter {
  private head: RequestHead | undefined
  private rules: RequestRules | undefined
  private hostWritten = false

  write(outbox: HeadTarget, request: OutgoingRequest): void {
    const { head, identity, edits, statement, rules } = request
    const extra =
      (statement === undefined ? 0 : statement.forwardedText.length + statement.forwarded.length) +
      (rules.forwarding.forwarded ? forwardedBytes(request) : 0) +
      (edits?.addedText.length ?? 0) +
      head.hostEnd -
      head.hostStart +
      head.targetEnd -
      head.rawQueryStart
    this.begin(outbox, head, extra * 2)
    this.head = head
    this.rules = rules
    this.hostWritten = false
    this.requestLine(head)
    this.copyFields(head, rules.of(identity), head.connection, edits)
    if (!this.hostWritten && head.hostEnd > head.hostStart) this.host(head)
    else if (!this.hostWritten) this.text(`Host: ${authorityOf(request.address)}\r\n`)
    this.framing(head)
    this.ownFields(request)
    this.finish(outbox)
  }

  protected override decide(section: FieldSection, index: number, id: FieldId): FieldAction {
    if (id === FIELD.host) return this.decideHost()
    if (id === FIELD.other) return this.rules!.tellsClient(section, index) ? DROP : KEEP
    if (id === FIELD.contentLength) return section.bytes[section.valueStart(index)] === ZERO ? REWRITE : KEEP
    if (id === FIELD.maxForwards) return this.countsHops(section, index) ? REWRITE : KEEP
    if (id === FIELD.underscored) return this.rules!.passesUnderscores(section, index) ? KEEP : DROP
    return this.head!.expectsContinue ? KEEP : DROP
  }

  protected override rewrite(section: FieldSection, index: number, id: FieldId): void {
    if (id === FIELD.host) return this.host(this.head!)
    const value = decimal(section.bytes, section.valueStart(index), section.valueEnd(index))
    this.text(id === FIELD.contentLength ? `Content-Length: ${value}\r\n` : `Max-Forwards: ${value - 1}\r\n`)
  }

  /** The authority of an absolute target replaces `Host` (RFC 9112 §3.2.2). */
  private decideHost(): FieldAction {
    this.hostWritten = true
    return this.head!.form === 'absolute' ? REWRITE : KEEP
  }

  /** Hops are counted down for OPTIONS (RFC 9110 §7.6.2); elsewhere the field has no meaning and passes. */
  private countsHops(section: FieldSection, index: number): boolean {
    if (!this.head!.isMethod('OPTIONS')) return false
    return decimal(section.bytes, section.valueStart(index), section.valueEnd(index)) > 0
  }

  private requestLine(head: RequestHead): void {
    if (head.form === 'absolute') return this.absoluteLine(head)
    if (head.minor === 1 && head.rawQueryStart === head.targetEnd)
      return this.keep(head, head.start, head.lineEnd)
    this.targetFrom(head, head.start)
  }

  /** The rest of the request line; raw bytes of a query become escapes, which all backends read alike. */
  private targetFrom(head: RequestHead, from: number): void {
    const { bytes, rawQueryStart, targetEnd } = head
    this.copy(bytes, from, rawQueryStart)
    for (let at = rawQueryStart; at < targetEnd; at++) {
      const byte = bytes[at]!
      if (byte < 0x80) this.out[this.at++] = byte
      else this.escape(byte)
    }
    this.text(' HTTP/1.1\r\n')
  }

  private escape(byte: number): void {
    this.out[this.at++] = PERCENT
    this.out[this.at++] = HEX_DIGITS.charCodeAt(byte >> 4)
    this.out[this.at++] = HEX_DIGITS.charCodeAt(byte & 15)
  }

  private absoluteLine(head: RequestHead): void {
    this.copy(head.bytes, head.start, head.targetStart)
    if (head.pathStart === head.targetEnd && head.isMethod('OPTIONS')) this.text('*')
    else if (head.bytes[head.pathStart] !== SLASH) this.text('/')
    this.targetFrom(head, head.pathStart)
  }

  private host(head: RequestHead): void {
    this.bytes(HOST)
    this.copy(head.bytes, head.hostStart, head.hostEnd)
    this.lineEnd()
  }

  /** A stream of HTTP/2 ends without a word about its length, which some servers of HTTP/1.1 answer with 411. */
  private framing(head: RequestHead): void {
    const { framing } = head.body
    if (framing === 'chunked') this.text('Transfer-Encoding: chunked\r\n')
    else if (framing === 'none' && head.major === 2 && head.expectsBody) this.text('Content-Length: 0\r\n')
  }

  private ownFields(request: OutgoingRequest): void {
    const { head, identity, statement, rules } = request
    if (statement === undefined) this.bytes(identity.forwardedBytes)
    else this.text(statement.forwardedText)
    this.forwardedHost(head, statement?.host)
    this.at = writeRequestIdField(request.requestId, this.out, this.at)
    if (identity.trusted || rules.forwarding.forwarded) this.forwarded(request)
    if (rules.forwarding.via !== undefined) this.text(`Via: ${head.version} ${rules.forwarding.via}\r\n`)
    this.connection(request)
  }

  /** What a trusted proxy wrote, and where that is nothing the same that `X-Forwarded-*` say. */
  private forwarded({ head, identity, statement, rules }: OutgoingRequest): void {
    const passedOn = statement?.forwarded ?? ''
    if (passedOn !== '') this.text(`Forwarded: ${passedOn}\r\n`)
    if (!rules.forwarding.forwarded) return
    const chain = passedOn === '' ? (statement?.chain ?? [identity.address]) : [identity.address]
    const { scheme } = statement ?? identity
    const host = statement?.host ?? head.host
    this.text(`Forwarded: ${chain.map((each) => forwardedElement(each, host, scheme)).join(', ')}\r\n`)
  }

  private forwardedHost(head: RequestHead, told: string | undefined): void {
    if (told !== undefined) return this.text(`X-Forwarded-Host: ${told}\r\n`)
    if (head.hostEnd === head.hostStart) return
    this.bytes(FORWARDED_HOST)
    this.copy(head.bytes, head.hostStart, head.hostEnd)
    this.lineEnd()
  }

  private connection({ upgrade, takesTrailers }: OutgoingRequest): void {
    if (upgrade !== undefined) this.text(`Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`)
    else if (takesTrailers) this.text('TE: trailers\r\nConnection: TE\r\n')
  }
}

/** More than one element for each address takes, without their hosts. */
const ELEMENT_BYTES = 96

function forwardedBytes({ head, statement }: OutgoingRequest): number {
  // In quotes each character may become two.
  const host = 2 * (statement?.host?.length ?? head.hostEnd - head.hostStart)
  return (statement?.chain.length ?? 1) * (ELEMENT_BYTES + host)
}
