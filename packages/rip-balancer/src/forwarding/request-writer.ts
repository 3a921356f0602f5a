import { FIELD, twinId, type FieldId } from '../http1/field-name.ts'
import type { FieldSection } from '../http1/field-section.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { decimal } from '../http1/body-framing.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import { authorityOf } from '../address/backend-address.ts'
import type { Outbox } from '../transport/outbox.ts'
import { forwardedElement, type ClientIdentity, type TrustedStatement } from './client-identity.ts'
import type { FieldEdits } from './field-edits.ts'
import {
  DROP,
  KEEP,
  REWRITE,
  TRUSTED_REQUEST,
  UNTRUSTED_REQUEST,
  UNTRUSTED_REQUEST_WITH_NAMES,
  hasMeaning,
  type FieldAction,
  type FieldRules,
} from './field-rules.ts'
import { HeadWriter } from './head-writer.ts'
import { writeRequestIdField } from './request-id.ts'
import type { Forwarding } from '../settings/forwarding.ts'

const HOST = Buffer.from('Host: ')
const FORWARDED_HOST = Buffer.from('X-Forwarded-Host: ')
const ZERO = 0x30
const SLASH = 0x2f
const PERCENT = 0x25
const HEX_DIGITS = '0123456789ABCDEF'

/** What a request head is written from. */
export interface RequestContext {
  readonly head: RequestHead
  /** Names the backend where an HTTP/1.0 client named no host. */
  readonly address: BackendAddress
  readonly identity: ClientIdentity
  /** What the peer, which is trusted, says about its client. */
  readonly statement: TrustedStatement | undefined
  /** An id to pass on, or the number of one of ours. */
  readonly requestId: string | number
  /** Protocol to ask for, if the request is an upgrade that is allowed. */
  readonly upgrade: string | undefined
  /** Whether trailers of the response can be passed on. */
  readonly acceptsTrailers: boolean
  readonly edits: FieldEdits | undefined
}

/** Writes request heads towards backends, always as HTTP/1.1 (RFC 9112 §2.3). */
export class RequestWriter extends HeadWriter {
  private readonly forwarding: Forwarding
  private readonly untrusted: FieldRules
  private head: RequestHead | undefined
  private hostWritten = false
  private toldUnderscore = false
  private readonly onUnderscore: (name: string) => void

  /** @param onUnderscore called with the first field that is left out for the underscore in its name */
  constructor(forwarding: Forwarding, onUnderscore: (name: string) => void) {
    super()
    this.forwarding = forwarding
    this.onUnderscore = onUnderscore
    this.untrusted = forwarding.clientFields.size > 0 ? UNTRUSTED_REQUEST_WITH_NAMES : UNTRUSTED_REQUEST
  }

  write(outbox: Outbox, context: RequestContext): void {
    const { head, identity, edits } = context
    const extra =
      (context.statement?.forwardedText.length ?? 0) +
      (context.statement?.forwarded.length ?? 0) +
      (this.forwarding.forwarded ? forwardedBytes(context) : 0) +
      (edits?.addedText.length ?? 0) +
      head.hostEnd -
      head.hostStart +
      head.targetEnd -
      head.rawQueryStart
    this.begin(outbox, head, extra * 2)
    this.head = head
    this.hostWritten = false
    this.requestLine(head)
    this.copyFields(head, identity.trusted ? TRUSTED_REQUEST : this.untrusted, head.connection, edits)
    if (!this.hostWritten && head.hostEnd > head.hostStart) this.host(head)
    else if (!this.hostWritten) this.text(`Host: ${authorityOf(context.address)}\r\n`)
    this.framing(head)
    this.ownFields(context)
    this.finish(outbox)
  }

  protected override decide(section: FieldSection, index: number, id: FieldId): FieldAction {
    if (id === FIELD.host) return this.decideHost()
    if (id === FIELD.other)
      return this.forwarding.clientFields.has(section.name(index).toLowerCase()) ? DROP : KEEP
    if (id === FIELD.contentLength) return section.bytes[section.valueStart(index)] === ZERO ? REWRITE : KEEP
    if (id === FIELD.maxForwards) return this.countsHops(section, index) ? REWRITE : KEEP
    if (id === FIELD.underscored) return this.passesUnderscores(section, index) ? KEEP : DROP
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

  /** Reported once: an operator who misses the field has to find out why, and attackers send them by the thousand. */
  private leavesOut(section: FieldSection, index: number): false {
    if (this.toldUnderscore) return false
    this.toldUnderscore = true
    this.onUnderscore(section.name(index))
    return false
  }

  private passesUnderscores(section: FieldSection, index: number): boolean {
    if (this.forwarding.underscores === 'drop') return this.leavesOut(section, index)
    const name = section.name(index).toLowerCase()
    const { clientFields } = this.forwarding
    if (clientFields.has(name) || clientFields.has(name.replaceAll('_', '-'))) return false
    return !hasMeaning(twinId(section.bytes, section.nameStart(index), section.nameEnd(index)))
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

  private framing(head: RequestHead): void {
    if (head.body.framing === 'chunked') this.text('Transfer-Encoding: chunked\r\n')
  }

  private ownFields(context: RequestContext): void {
    const { head, identity, statement } = context
    if (statement === undefined) this.bytes(identity.forwardedBytes)
    else this.text(statement.forwardedText)
    this.forwardedHost(head, statement?.host)
    this.at = writeRequestIdField(context.requestId, this.out, this.at)
    this.forwarded(context)
    if (this.forwarding.via !== undefined) this.text(`Via: 1.${head.minor} ${this.forwarding.via}\r\n`)
    this.connection(context)
  }

  /** What a trusted proxy wrote, and where that is nothing the same that `X-Forwarded-*` say. */
  private forwarded({ head, identity, statement }: RequestContext): void {
    const passedOn = statement?.forwarded ?? ''
    if (passedOn !== '') this.text(`Forwarded: ${passedOn}\r\n`)
    if (!this.forwarding.forwarded) return
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

  private connection(context: RequestContext): void {
    if (context.upgrade !== undefined) this.text(`Connection: Upgrade\r\nUpgrade: ${context.upgrade}\r\n`)
    else if (context.acceptsTrailers) this.text('TE: trailers\r\nConnection: TE\r\n')
  }
}

/** More than one element for each address takes, without their hosts. */
const ELEMENT_BYTES = 96

function forwardedBytes({ head, statement }: RequestContext): number {
  // In quotes each character may become two.
  const host = 2 * (statement?.host?.length ?? head.hostEnd - head.hostStart)
  return (statement?.chain.length ?? 1) * (ELEMENT_BYTES + host)
}
