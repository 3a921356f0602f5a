import { FieldSection, type HeadLimits } from '../http1/field-section.ts'
import { largeHeadText, responseFaultText } from '../http1/response-fault-text.ts'
import { ResponseHead } from '../http1/response-head.ts'
import { Trailers } from '../forwarding/trailers.ts'
import type { HpackDecoder } from '../http2/hpack/hpack-decoder.ts'
import { HeadMemo } from './head-memo.ts'
import { ResponseFields } from './response-fields.ts'

/** `broken`: the connection cannot go on; `malformed`: the response cannot be passed on. */
export type HeadFault = 'broken' | 'malformed'

/** RFC 9113 §8.2, §8.3.2 */
const NOT_ALLOWED = 'fields or a status that HTTP/2 does not allow'
/** What a block means depends on these as well. */
const TO_HEAD = 1
const EMPTY = 2

/**
 * Reads the header blocks of responses. Most responses of a backend have one of a few heads: a block that came twice is not decoded
 * again, unless it had to do with the table of its decoder. Backends are asked to use none (SETTINGS_HEADER_TABLE_SIZE is 0).
 */
export class ResponseHeads {
  /** What made the last malformed one malformed. */
  whatIsWrong = ''
  private readonly limits: HeadLimits
  private readonly fields = new ResponseFields()
  private readonly memo = new HeadMemo()

  constructor(limits: HeadLimits) {
    this.limits = limits
  }

  /**
   * Reads the block of an interim or a final response.
   *
   * @param toHead whether the request was HEAD. @param isEmpty whether no DATA follows
   */
  read(
    decoder: HpackDecoder,
    block: Buffer,
    from: number,
    to: number,
    toHead: boolean,
    isEmpty: boolean,
  ): ResponseHead | HeadFault {
    const known = this.memo.find(block, from, to, (toHead ? TO_HEAD : 0) | (isEmpty ? EMPTY : 0))
    if (known !== undefined) return known
    const head = this.decode(decoder, block, from, to, toHead, isEmpty)
    if (typeof head !== 'string' && !decoder.usedTable) this.memo.add(block, from, to, head)
    return head
  }

  /** Reads the fields behind a body. */
  readTrailers(
    decoder: HpackDecoder,
    block: Buffer,
    from: number,
    to: number,
  ): Trailers | HeadFault | undefined {
    const { fields } = this
    fields.begin(true)
    const result = decoder.decode(block, from, to, fields)
    if (result === 'broken') return 'broken'
    if (!fields.finish(false)) return this.malformed(NOT_ALLOWED)
    if (result === 'too-large') return this.malformed(largeHeadText(this.limits))
    const section = new FieldSection(this.limits)
    if (section.feed(Buffer.from(fields.bytes.subarray(0, fields.end)), 0, fields.end) < 0)
      return this.malformed(responseFaultText(section.fault!, section, this.limits))
    return section.count === 0 ? undefined : new Trailers(section, undefined)
  }

  private decode(
    decoder: HpackDecoder,
    block: Buffer,
    from: number,
    to: number,
    toHead: boolean,
    isEmpty: boolean,
  ): ResponseHead | HeadFault {
    const { fields } = this
    fields.begin(false)
    const result = decoder.decode(block, from, to, fields)
    if (result === 'broken') return 'broken'
    if (!fields.finish(isEmpty && !toHead)) return this.malformed(NOT_ALLOWED)
    if (result === 'too-large') return this.malformed(largeHeadText(this.limits))
    return this.parse(Buffer.from(fields.bytes.subarray(0, fields.end)), toHead)
  }

  /** The bytes are read from where they are until they are sent. */
  private parse(bytes: Buffer, toHead: boolean): ResponseHead | HeadFault {
    const head = new ResponseHead(this.limits)
    const isComplete = head.feed(bytes, 0, bytes.length) === bytes.length
    const fault = isComplete ? head.check(toHead) : (head.fault ?? 'bad-line-end')
    return fault === undefined ? head : this.malformed(responseFaultText(fault, head, this.limits))
  }

  private malformed(what: string): 'malformed' {
    this.whatIsWrong = what
    return 'malformed'
  }
}
