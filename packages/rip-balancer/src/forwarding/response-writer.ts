import { decimal } from '../http1/body-framing.ts'
import { FIELD, type FieldId } from '../http1/field-name.ts'
import type { FieldSection } from '../http1/field-section.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { Clock } from '../transport/clock.ts'
import type { Outbox } from '../transport/outbox.ts'
import type { FieldEdits } from './field-edits.ts'
import { DROP, KEEP, RESPONSE, REWRITE, type FieldAction } from './field-rules.ts'
import { HeadWriter } from './head-writer.ts'
import { writeRequestIdField } from './request-id.ts'

const ZERO = 0x30

/** How the body of a response is delimited towards the client. */
export type ClientFraming = 'none' | 'length' | 'chunked' | 'close'

/** How a response is delivered to its client, and what is added to its head. */
export interface ResponseContext {
  readonly framing: ClientFraming
  /** Value for `Connection`; `undefined` writes none. */
  readonly connection: 'close' | 'keep-alive' | undefined
  /** Whether trailers will follow. */
  readonly trailers: boolean
  /** Request id to expose, or the number of one of ours; `undefined` exposes none. */
  readonly requestId: string | number | undefined
  readonly edits: FieldEdits | undefined
}

/** Writes response heads towards clients, always as HTTP/1.1. */
export class ResponseWriter extends HeadWriter {
  private readonly via: string | undefined
  private readonly clock: Clock
  private context: ResponseContext | undefined
  private response: ResponseHead | undefined
  private dateWritten = false
  private idWritten = false

  constructor(via: string | undefined, clock: Clock) {
    super()
    this.via = via
    this.clock = clock
  }

  write(outbox: Outbox, response: ResponseHead, context: ResponseContext): void {
    const { edits } = context
    this.begin(outbox, response, edits?.addedText.length ?? 0)
    this.context = context
    this.response = response
    this.dateWritten = this.idWritten = false
    this.statusLine(response)
    this.gatherFields(response, RESPONSE, response.connection, edits)
    if (this.isUnchanged(response) && !this.adds(response, context))
      return outbox.append(response.bytes, response.start, response.end)
    this.copyRun(response)
    if (edits !== undefined) this.text(edits.addedText)
    this.framing(response, context)
    if (!this.dateWritten) this.bytes(this.clock.dateLine())
    if (this.addsId(context)) this.at = writeRequestIdField(context.requestId!, this.out, this.at)
    if (this.via !== undefined) this.text(`Via: 1.${response.minor} ${this.via}\r\n`)
    this.connection(response, context)
    this.finish(outbox)
  }

  /** Whether anything stands in the head that the backend did not write. */
  private adds(response: ResponseHead, context: ResponseContext): boolean {
    if (!this.dateWritten || this.addsId(context) || this.via !== undefined) return true
    if (context.edits !== undefined || context.connection !== undefined || requiresUpgrade(response))
      return true
    return context.framing === 'chunked' || response.status === 205
  }

  private addsId(context: ResponseContext): boolean {
    return context.requestId !== undefined && !this.idWritten
  }

  /** Writes an interim response (RFC 9110 §15.2): fields, no framing. */
  writeInterim(outbox: Outbox, response: ResponseHead): void {
    this.begin(outbox, response, 0)
    this.context = undefined
    this.statusLine(response)
    this.copyFields(response, RESPONSE, response.connection, undefined)
    this.finish(outbox)
  }

  /** Writes the 101 response that opens a tunnel. @param cookie value of a `Set-Cookie` to add */
  writeSwitching(outbox: Outbox, response: ResponseHead, protocol: string, cookie: string | undefined): void {
    const added = cookie === undefined ? '' : `Set-Cookie: ${cookie}\r\n`
    this.begin(outbox, response, added.length)
    this.context = undefined
    this.statusLine(response)
    this.copyFields(response, RESPONSE, undefined, undefined)
    this.text(`${added}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`)
    this.finish(outbox)
  }

  protected override decide(section: FieldSection, index: number, id: FieldId): FieldAction {
    if (id === FIELD.date) this.dateWritten = true
    if (id === FIELD.xRequestId) this.idWritten = true
    if (id === FIELD.contentLength) return this.lengthAction(section, index)
    if (id === FIELD.upgrade)
      return this.context !== undefined && requiresUpgrade(this.response!) ? KEEP : DROP
    if (id === FIELD.trailer && this.context?.trailers !== true) return DROP
    return KEEP
  }

  /** A length with zeros in front, which not every client reads as a decimal number. */
  protected override rewrite(section: FieldSection, index: number): void {
    const length = decimal(section.bytes, section.valueStart(index), section.valueEnd(index))
    this.text(`Content-Length: ${length}\r\n`)
  }

  private lengthAction(section: FieldSection, index: number): FieldAction {
    if (!this.keepsLength()) return DROP
    return section.bytes[section.valueStart(index)] === ZERO ? REWRITE : KEEP
  }

  /** A length stays where it describes the body, or the body there would have been (HEAD, 304). */
  private keepsLength(): boolean {
    const { context, response } = this
    if (context === undefined || response!.status === 204 || response!.status === 205) return false
    if (!response!.tellsLength) return false
    if (context.edits?.changesLength === true) return false
    return context.framing === 'length' || context.framing === 'none'
  }

  private connection(response: ResponseHead, { connection }: ResponseContext): void {
    if (requiresUpgrade(response))
      this.text(`Connection: ${connection === undefined ? '' : `${connection}, `}Upgrade\r\n`)
    else if (connection !== undefined) this.text(`Connection: ${connection}\r\n`)
  }

  private statusLine(response: ResponseHead): void {
    if (response.minor === 1 && response.reasonEnd > response.statusStart + 3)
      return this.keep(response, response.start, response.reasonEnd + 2)
    this.text('HTTP/1.1 ')
    this.copy(response.bytes, response.statusStart, response.statusStart + 3)
    this.text(' ')
    this.copy(response.bytes, Math.min(response.statusStart + 4, response.reasonEnd), response.reasonEnd)
    this.lineEnd()
  }

  private framing(response: ResponseHead, { framing }: ResponseContext): void {
    if (framing === 'chunked') this.text('Transfer-Encoding: chunked\r\n')
    else if (response.status === 205) this.text('Content-Length: 0\r\n')
  }
}

/** A 426 without the protocols to upgrade to says nothing (RFC 9110 §15.5.22); a message that names them names `Upgrade` in `Connection` (§7.8). */
function requiresUpgrade(response: ResponseHead): boolean {
  return response.status === 426 && response.has(FIELD.upgrade)
}
