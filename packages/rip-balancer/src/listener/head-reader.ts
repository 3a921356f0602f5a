import type { DataPlane } from '../exchange/data-plane.ts'
import type { Fault } from '../http1/fault.ts'
import { INCOMPLETE, REFUSED } from '../http1/field-section.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { PREFACE_LINE } from '../http2/frame-type.ts'
import type { HeldInput } from './held-input.ts'
import { beginsWithTls } from './wrong-protocol.ts'

/** A head in front of so many bytes is copied: else it would keep their memory until its response is complete. */
const LARGE_BODY_BYTES = 32 * 1024

/**
 * What came of the input: a head is complete and passed all checks, there is more of it to come, or it is malformed (see
 * `fault`). A client may begin with another protocol: with TLS, or with the preface of HTTP/2 (RFC 9113 §3.4, `preface`).
 */
export type HeadResult = 'complete' | 'incomplete' | 'malformed' | 'tls' | 'http2'

/** Reads the heads of the requests on one connection of HTTP/1.1, one after the other. */
export class HeadReader {
  /** The head that is being read, or of the request that is being answered. Idle connections have none, which keeps them small. */
  head: RequestHead | undefined
  /** When its first byte arrived, in monotonic milliseconds. */
  begunAt = 0
  /** Why a head is malformed. */
  fault: Fault | undefined
  /** What a client that speaks HTTP/2 has sent. */
  preface: Buffer | undefined
  /** Heads that were read. */
  count = 0
  private readonly plane: DataPlane

  constructor(plane: DataPlane) {
    this.plane = plane
  }

  /** Whether a byte of a head has arrived, or of the request that is being answered. */
  get hasBegun(): boolean {
    return this.head?.begun === true
  }

  /** Reads on. */
  read(input: HeldInput): HeadResult {
    const head = (this.head ??= this.borrow())
    const { bytes, at: from } = input
    const { kept } = head
    const at = head.feed(bytes, from, bytes.length)
    if (at === INCOMPLETE) return this.incomplete(head, input)
    if (at === REFUSED) return this.refused(head, bytes.subarray(from), kept)
    input.taken(at)
    if (bytes.length - at > LARGE_BODY_BYTES) head.detach()
    this.fault = head.check()
    if (this.fault !== undefined) return 'malformed'
    this.count++
    return 'complete'
  }

  /** The request has been answered, or the connection is at its end. */
  drop(): void {
    if (this.head === undefined) return
    this.plane.returnHead(this.head)
    this.head = undefined
  }

  private borrow(): RequestHead {
    this.begunAt = this.plane.turn.clock.nowMs
    return this.plane.borrowHead()
  }

  /** Empty lines between requests do not start one: the connection is as idle as before. */
  private incomplete(head: RequestHead, input: HeldInput): 'incomplete' {
    input.clear()
    if (!head.begun) this.drop()
    return 'incomplete'
  }

  /** @param kept bytes of the head that had arrived before these */
  private refused(head: RequestHead, bytes: Buffer, kept: number): HeadResult {
    this.fault = head.fault
    if (this.count > 0) return 'malformed'
    if (beginsWithTls(bytes, 0)) return 'tls'
    if (!isPreface(head)) return 'malformed'
    this.preface = Buffer.concat([PREFACE_LINE, bytes.subarray(PREFACE_LINE.length - kept)])
    return 'http2'
  }
}

/** Whether what was refused is the first line of HTTP/2. */
function isPreface({ bytes, start, fault }: RequestHead): boolean {
  if (fault !== 'unsupported-version') return false
  return bytes.subarray(start, start + PREFACE_LINE.length).equals(PREFACE_LINE)
}
