import { ERROR } from './error-code.ts'
import { MAX_31_BITS } from './frame-type.ts'

/** Identifiers of settings (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1). */
const SETTING = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
  noRfc7540Priorities: 0x9,
} as const

const ENTRY_BYTES = 6
/** What every peer takes, and the least it may be asked to take. */
export const DEFAULT_FRAME_BYTES = 16_384
const MAX_FRAME_BYTES = 16_777_215
/** Window of a stream, and of the connection, until something else is said (RFC 9113 §6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535

/** What this side of a connection announces. */
export interface LocalSettings {
  /** Streams the peer may have open at the same time. */
  readonly maxStreams: number
  /** What may arrive on a stream before it is read. */
  readonly streamWindowBytes: number
  /** Longest frame the peer may send. @default 16384, the least there is */
  readonly maxFrameBytes?: number
  /** Size of a list of fields the peer should not exceed, as RFC 9113 §6.5.2 counts it. */
  readonly maxHeaderListBytes: number
  /** Table the peer's encoder may use. */
  readonly headerTableBytes: number
  /** Whether clients may ask for other protocols with CONNECT (RFC 8441). */
  readonly extendedConnect: boolean
}

/** Which end of the connection this is. */
export type Role = 'client' | 'server'

/** The payload of our SETTINGS frame. */
export function settingsPayload(role: Role, local: LocalSettings): Buffer {
  const entries: [number, number][] = [
    [SETTING.headerTableSize, local.headerTableBytes],
    [SETTING.initialWindowSize, local.streamWindowBytes],
    [SETTING.maxHeaderListSize, local.maxHeaderListBytes],
  ]
  if (role === 'client') entries.push([SETTING.enablePush, 0])
  else entries.push([SETTING.maxConcurrentStreams, local.maxStreams], [SETTING.noRfc7540Priorities, 1])
  if (local.maxFrameBytes !== undefined) entries.push([SETTING.maxFrameSize, local.maxFrameBytes])
  if (local.extendedConnect) entries.push([SETTING.enableConnectProtocol, 1])
  const payload = Buffer.alloc(entries.length * ENTRY_BYTES)
  entries.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * ENTRY_BYTES)
    payload.writeUInt32BE(value, index * ENTRY_BYTES + 2)
  })
  return payload
}

/** What the peer has announced; the values are those of the RFC until its SETTINGS come. */
export class PeerSettings {
  /** Its first SETTINGS frame has come. */
  isKnown = false
  headerTableBytes = 4_096
  /** Streams we may have open at the same time. */
  maxStreams: number = Number.POSITIVE_INFINITY
  streamWindowBytes: number = DEFAULT_WINDOW_BYTES
  maxFrameBytes: number = DEFAULT_FRAME_BYTES
  maxHeaderListBytes: number = Number.POSITIVE_INFINITY
  extendedConnect = false
  private readonly role: Role

  /** @param role ours */
  constructor(role: Role) {
    this.role = role
  }

  /** Reads the payload of a SETTINGS frame, which is a multiple of 6 bytes long. @returns the error it is, or `ERROR.none` */
  read(bytes: Buffer, from: number, to: number): number {
    for (let at = from; at < to; at += ENTRY_BYTES) {
      const fault = this.set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2))
      if (fault !== ERROR.none) return fault
    }
    this.isKnown = true
    return ERROR.none
  }

  /** Settings that are not known mean nothing. */
  private set(id: number, value: number): number {
    switch (id) {
      case SETTING.headerTableSize:
        this.headerTableBytes = value
        return ERROR.none
      case SETTING.enablePush:
        return value === 0 || (value === 1 && this.role === 'server') ? ERROR.none : ERROR.protocol
      case SETTING.maxConcurrentStreams:
        this.maxStreams = value
        return ERROR.none
      case SETTING.initialWindowSize:
        this.streamWindowBytes = value
        return value <= MAX_31_BITS ? ERROR.none : ERROR.flowControl
      case SETTING.maxFrameSize:
        this.maxFrameBytes = value
        return value >= DEFAULT_FRAME_BYTES && value <= MAX_FRAME_BYTES ? ERROR.none : ERROR.protocol
      case SETTING.maxHeaderListSize:
        this.maxHeaderListBytes = value
        return ERROR.none
      case SETTING.enableConnectProtocol:
        return this.setExtendedConnect(value)
      case SETTING.noRfc7540Priorities:
        return value <= 1 ? ERROR.none : ERROR.protocol
      default:
        return ERROR.none
    }
  }

  /** It cannot be taken back (RFC 8441 §3). */
  private setExtendedConnect(value: number): number {
    if (value > 1 || (value === 0 && this.extendedConnect)) return ERROR.protocol
    this.extendedConnect = value === 1
    return ERROR.none
  }
}
