import type { DataPlane } from '../../exchange/data-plane.ts'
import { DEFAULT_ABUSE_LIMITS, type AbuseLimits } from '../../http2/abuse-budget.ts'
import type { BlockLimits } from '../../http2/frame-reader.ts'
import { HpackDecoder } from '../../http2/hpack/hpack-decoder.ts'
import { HpackScratch } from '../../http2/hpack/hpack-scratch.ts'
import type { LocalSettings } from '../../http2/settings.ts'
import { RequestFields } from './request-fields.ts'
import { ResponseEncoder } from './response-encoder.ts'
import { TrailerFields } from './trailer-fields.ts'
import { STREAM_WINDOW_BYTES } from './upload-window.ts'

/** Table of HPACK in each direction. */
export const TABLE_BYTES = 4_096
const MAX_STREAMS = 128
const MAX_CONTINUATIONS = 8
/**
 * A block that is that much larger than a head may be can still be decoded, and answered with 431. So is a longer one, but nothing
 * behind it can be decoded: the connection ends when all it has begun is answered.
 */
const BLOCK_SHARE = 2

/** What the HTTP/2 connections of a listener share: what they announce, how requests are read and responses written. */
export class Http2Plane {
  readonly data: DataPlane
  readonly local: LocalSettings
  readonly blocks: BlockLimits
  readonly abuse: AbuseLimits = DEFAULT_ABUSE_LIMITS
  /** Fields of the head that is being decoded. */
  readonly requestFields: RequestFields = new RequestFields()
  readonly trailerFields: TrailerFields = new TrailerFields()
  readonly responses: ResponseEncoder
  private readonly scratch = new HpackScratch()

  constructor(data: DataPlane) {
    const { limits, forwarding, upgrades } = data.settings
    this.data = data
    this.local = {
      maxStreams: MAX_STREAMS,
      streamWindowBytes: STREAM_WINDOW_BYTES,
      maxHeaderListBytes: limits.maxHeadBytes,
      headerTableBytes: TABLE_BYTES,
      extendedConnect: upgrades.length > 0,
    }
    this.blocks = { maxBlockBytes: BLOCK_SHARE * limits.maxHeadBytes, maxContinuations: MAX_CONTINUATIONS }
    this.responses = new ResponseEncoder(forwarding.via, data.turn.clock)
  }

  newDecoder(): HpackDecoder {
    return new HpackDecoder({
      maxTableBytes: TABLE_BYTES,
      maxListBytes: this.local.maxHeaderListBytes,
      scratch: this.scratch,
    })
  }
}
