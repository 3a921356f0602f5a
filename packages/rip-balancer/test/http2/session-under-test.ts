import type { Abuse } from '../../src/http2/abuse-budget.ts'
import { DEFAULT_ABUSE_LIMITS } from '../../src/http2/abuse-budget.ts'
import { ERROR } from '../../src/http2/error-code.ts'
import { FLAG, FRAME, PREFACE } from '../../src/http2/frame-type.ts'
import type { SessionOwner } from '../../src/http2/session-owner.ts'
import { Http2Session } from '../../src/http2/session.ts'
import type { LocalSettings, PeerSettings, Role } from '../../src/http2/settings.ts'
import type { Http2Stream, StreamLoss, StreamOwner } from '../../src/http2/stream.ts'
import { Turn } from '../../src/transport/turn.ts'
import { MemorySocket, SETTINGS, SETTINGS_ACK, frame, framesIn } from './frames.ts'

export const LOCAL: LocalSettings = {
  maxStreams: 3,
  streamWindowBytes: 65_535,
  maxHeaderListBytes: 16_384,
  headerTableBytes: 4_096,
  extendedConnect: false,
}

/** A session on a socket in memory, with an owner that writes down what it hears. */
export class SessionUnderTest implements SessionOwner {
  readonly socket: MemorySocket = new MemorySocket()
  readonly turn: Turn = new Turn()
  readonly session: Http2Session
  readonly streams: Map<number, RecordedStream> = new Map()
  /** What it heard, in words. */
  heard: string[] = []
  /** What `fields` returns. */
  answerToFields: number = ERROR.none
  private readonly role: Role

  constructor(role: Role, local: Partial<LocalSettings> = {}) {
    this.role = role
    this.session = new Http2Session({
      role,
      socket: this.socket,
      turn: this.turn,
      local: { ...LOCAL, ...local },
      blocks: { maxBlockBytes: 20_000, maxContinuations: 8 },
      abuse: DEFAULT_ABUSE_LIMITS,
      owner: this,
    })
    this.turn.run(() => this.session.start())
  }

  /** What is counted by time is exact from here on. */
  stopClock(): this {
    this.turn.clock.read = () => {}
    return this
  }

  /** The peer's side of the handshake; what both sent is forgotten. */
  shakeHands(settings: Buffer = SETTINGS): this {
    this.receive(...(this.role === 'server' ? [PREFACE] : []), settings, SETTINGS_ACK)
    this.heard = []
    this.socket.read()
    return this
  }

  receive(...frames: readonly Buffer[]): void {
    this.turn.run(() => {
      for (const bytes of frames) this.session.received(bytes)
    })
  }

  /** What was written since the last time, in words. */
  written(): string[] {
    return framesIn(this.socket.read())
  }

  /** A request of the client, which is the peer. */
  request(id: number, flags: number = FLAG.endHeaders | FLAG.endStream): RecordedStream {
    this.receive(frame(FRAME.headers, flags, id, 'head'))
    return this.streams.get(id)!
  }

  /** A request to the server, which is the peer. */
  send(endsStream = true): RecordedStream {
    const recorded = new RecordedStream(this.heard)
    this.turn.run(() => {
      recorded.stream = this.session.open(recorded)
      recorded.stream.headers(Buffer.from('head'), 0, 4, endsStream)
    })
    this.streams.set(recorded.stream.id, recorded)
    return recorded
  }

  // SessionOwner

  settings({ maxStreams }: PeerSettings): void {
    this.heard.push(`settings ${maxStreams}`)
  }

  fields(
    stream: Http2Stream | undefined,
    block: Buffer,
    from: number,
    to: number,
    endsStream: boolean,
  ): number {
    const text = block.toString('latin1', from, to)
    this.heard.push(`fields ${stream?.id} ${text} ${endsStream}`)
    if (stream !== undefined && stream.owner === undefined) this.adopt(stream)
    if (stream !== undefined && text === 'head') stream.sawHead = true
    return this.answerToFields
  }

  headTooLong(stream: Http2Stream, endsStream: boolean): void {
    this.heard.push(`head of ${stream.id} too long ${endsStream}`)
    this.adopt(stream)
  }

  goingAway(): void {
    this.heard.push('going away')
  }

  drained(): void {
    this.heard.push('drained')
  }

  abused(kind: Abuse): void {
    this.heard.push(`abused ${kind}`)
  }

  closed(code: number, reason: string): void {
    this.heard.push(`closed ${code} ${reason}`)
  }

  private adopt(stream: Http2Stream): void {
    const recorded = new RecordedStream(this.heard)
    recorded.stream = stream
    stream.owner = recorded
    this.streams.set(stream.id, recorded)
  }
}

/** A stream whose owner writes down what it hears. */
export class RecordedStream implements StreamOwner {
  stream!: Http2Stream
  received = ''
  writables = 0
  growth = 0
  private readonly heard: string[]

  constructor(heard: string[]) {
    this.heard = heard
  }

  dataReceived(bytes: Buffer, from: number, to: number): void {
    this.received += bytes.toString('latin1', from, to)
  }

  moreWindow(): number {
    return this.growth
  }

  ended(): void {
    this.heard.push(`ended ${this.stream.id}`)
  }

  writable(): void {
    this.writables++
  }

  lost(how: StreamLoss, code: number): void {
    this.heard.push(`${how} ${this.stream.id} ${code}`)
  }
}
