/** Lanes on sockets in memory, and a clock that stands still. */
import { describe, expect, test } from 'bun:test'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { identify } from '../../src/forwarding/client-identity.ts'
import type { OutgoingRequest } from '../../src/forwarding/outgoing-request.ts'
import { RequestRules } from '../../src/forwarding/request-rules.ts'
import { RequestWriter } from '../../src/forwarding/request-writer.ts'
import { RequestHead } from '../../src/http1/request-head.ts'
import { ERROR } from '../../src/http2/error-code.ts'
import { FLAG, FRAME, PREFACE } from '../../src/http2/frame-type.ts'
import { HpackScratch } from '../../src/http2/hpack/hpack-scratch.ts'
import { Turn } from '../../src/transport/turn.ts'
import type { Backend } from '../../src/upstream/backend.ts'
import { Lane, type LaneOwner, type LaneParts } from '../../src/upstream/lane.ts'
import type { LaneStream } from '../../src/upstream/lane-stream.ts'
import { Lanes, type LaneMaker } from '../../src/upstream/lanes.ts'
import { RequestBlock } from '../../src/upstream/request-block.ts'
import { ResponseHeads } from '../../src/upstream/response-heads.ts'
import type { ResponseSink } from '../../src/upstream/response-sink.ts'
import { timelessSettings } from '../exchange/in-process.ts'
import {
  MemorySocket,
  SETTINGS,
  SETTINGS_ACK,
  frame,
  framesIn,
  numbers,
  settingsOf,
} from '../http2/frames.ts'

const { limits, forwarding } = timelessSettings()
const address = { kind: 'tcp', host: '127.0.0.1', port: 1, http2: 'only' } as const
const backend: Backend = {
  id: 'b',
  address,
  maxInFlight: 1,
  inFlight: 0,
  generation: undefined,
  leaving: false,
  onTrial: false,
  answers: new RecentAnswers(),
}
const head = new RequestHead(limits)
const text = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
head.feed(text, 0, text.length)
head.check()
const GET: OutgoingRequest = {
  head,
  address,
  identity: identify({ address: '127.0.0.1', port: 4711 }, 'http', { has: () => false }),
  statement: undefined,
  requestId: 'id',
  upgrade: undefined,
  takesTrailers: false,
  edits: undefined,
  rules: new RequestRules(forwarding, () => {}),
}
const OK = Buffer.from([0x88])

/** A backend's lanes, of which the test is the backend. */
class LanesUnderTest implements LaneMaker {
  readonly turn = new Turn()
  readonly sockets: MemorySocket[] = []
  readonly opened: Lane[] = []
  readonly lanes = new Lanes(this, backend)
  readonly events: string[] = []
  gone = 0
  private readonly parts: LaneParts = {
    limits: { head: limits, maxInterimResponses: 8, idleMs: 60_000 },
    scratch: new HpackScratch(),
    block: new RequestBlock(new RequestWriter()),
    heads: new ResponseHeads(limits),
  }

  constructor() {
    this.turn.clock.read = () => {}
  }

  get nowMs(): number {
    return this.turn.clock.nowMs
  }

  openLane(_backend: Backend, owner: LaneOwner): Lane {
    const socket = new MemorySocket()
    const lane = new Lane(socket, this.turn, owner, this.parts)
    this.sockets.push(socket)
    this.opened.push(lane)
    return lane
  }

  laneGone(): void {
    this.gone++
  }

  laneEvent(event: string): void {
    this.events.push(event)
  }

  fault(error: unknown): never {
    throw error
  }

  pass(ms: number): void {
    this.turn.clock.nowMs += ms
    this.turn.run(() => this.lanes.sweep(this.nowMs, 60_000))
  }

  /** A lane's backend accepts it. @param streams that it takes at a time */
  accept(at: number, streams = 100): void {
    this.turn.run(() => this.opened[at]!.opened())
    this.receive(at, frame(FRAME.settings, 0, 0, settingsOf([3, streams])), SETTINGS_ACK)
    this.sockets[at]!.read()
  }

  receive(at: number, ...frames: readonly Buffer[]): void {
    this.turn.run(() => this.opened[at]!.received(Buffer.concat(frames)))
  }

  /** What a lane has written since the last time, in words and without payload. */
  written(at: number): string[] {
    const bytes = this.sockets[at]!.read()
    const from = bytes.subarray(0, PREFACE.length).equals(PREFACE) ? PREFACE.length : 0
    return framesIn(bytes.subarray(from)).map((each) => each.split(' ').slice(0, 2).join(' '))
  }

  /** Sends a request as soon as there is a lane for it. */
  ask(): Asked {
    const asked = new Asked(this.turn)
    this.turn.run(() => {
      const ready = this.lanes.take(asked, head)
      asked.stream = ready ?? this.lanes.await(asked)
      if (ready !== undefined) asked.connected()
    })
    return asked
  }
}

/** A request, and what it hears. */
class Asked implements ResponseSink {
  stream!: LaneStream
  heard: string[] = []
  kept = 0
  /** How much may be kept for it. */
  room = 0
  received = 0
  private readonly turn: Turn

  constructor(turn: Turn) {
    this.turn = turn
  }

  giveUp(): void {
    this.turn.run(() => this.stream.destroy())
  }

  connected(): void {
    this.heard.push('sent')
    this.stream.send(GET)
    this.stream.end(undefined)
  }

  interim(): void {}
  switching(): void {}
  tunnelEnded(): void {}
  upstreamDrained(): void {}

  head(): void {
    this.heard.push('head')
  }

  data(_bytes: Buffer, from: number, to: number): void {
    this.received += to - from
  }

  mayKeep(bytes: number): boolean {
    this.kept += bytes
    return this.kept <= this.room
  }

  complete(): void {
    this.heard.push('complete')
  }

  failed(failure: string): void {
    this.heard.push(failure)
  }
}

const answer = (id: number): Buffer => frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, OK)

describe('a request that waits for a place', () => {
  test('gets that of one that is given up', () => {
    const it = new LanesUnderTest()
    const first = it.ask()
    it.accept(0, 1)
    // Three more lanes are opened at most.
    const others = [it.ask(), it.ask(), it.ask()]
    for (const at of [1, 2, 3]) it.accept(at, 1)
    const last = it.ask()
    expect([first, ...others, last].map(({ heard }) => heard)).toEqual([
      ['sent'],
      ['sent'],
      ['sent'],
      ['sent'],
      [],
    ])
    first.giveUp()
    expect(last.heard).toEqual(['sent'])
    expect(it.written(0)).toEqual(['resetStream 1', 'headers 3'])
  })

  test('does not wait for a lane that is being opened while another one has room', () => {
    const it = new LanesUnderTest()
    const first = it.ask()
    it.accept(0, 2)
    it.ask()
    const third = it.ask()
    third.giveUp()
    expect(it.opened).toHaveLength(2)
    it.receive(0, answer(1))
    expect(first.heard).toEqual(['sent', 'head', 'complete'])
    expect(it.ask().heard).toEqual(['sent'])
  })
})

describe('a backend that says nothing', () => {
  test('since it was asked is asked on another lane once a request is given up; the others go on', () => {
    const it = new LanesUnderTest()
    const [first, second] = [it.ask(), it.ask()]
    it.accept(0)
    it.pass(4_000)
    it.ask().giveUp()
    expect(it.ask().heard).toEqual(['sent'])
    expect(it.opened).toHaveLength(1)
    it.pass(1_500)
    first.giveUp()
    expect(it.written(0)).toEqual(['headers 5', 'resetStream 5', 'headers 7', 'resetStream 1', 'goAway 0'])
    it.ask()
    expect(it.opened).toHaveLength(2)
    it.receive(0, answer(3))
    expect(second.heard).toEqual(['sent', 'head', 'complete'])
    expect(it.events).toEqual(['upstream-http2', 'upstream-silent'])
  })

  test('because nobody has asked is not left', () => {
    const it = new LanesUnderTest()
    it.ask()
    it.accept(0)
    it.receive(0, answer(1))
    it.pass(50_000)
    it.ask().giveUp()
    it.ask()
    expect(it.opened).toHaveLength(1)
  })

  test('when it is dialled is dialled again by the next request', () => {
    const it = new LanesUnderTest()
    const first = it.ask()
    it.pass(3_000)
    first.giveUp()
    const second = it.ask()
    const third = it.ask()
    it.pass(3_000)
    second.giveUp()
    expect(third.heard).toEqual(['connect-failed'])
    expect(it.gone).toBe(1)
    it.ask()
    expect(it.opened).toHaveLength(2)
  })
})

test('what a backend does not begin, or breaks off, is counted, and so are connections it ends', () => {
  const it = new LanesUnderTest()
  const asked = [it.ask(), it.ask(), it.ask(), it.ask()]
  it.accept(0)
  it.receive(
    0,
    frame(FRAME.resetStream, 0, 1, numbers(ERROR.refusedStream)),
    frame(FRAME.resetStream, 0, 3, numbers(ERROR.internal)),
    frame(FRAME.goAway, 0, 0, numbers(5, 0)),
  )
  expect(asked.map(({ heard }) => heard.at(-1))).toEqual(['reset', 'reset', 'sent', 'reset'])
  expect(it.events).toEqual([
    'upstream-http2',
    'upstream-stream-refused',
    'upstream-stream-reset',
    'upstream-stream-left-out',
    'upstream-goaway',
  ])
  it.ask()
  it.accept(1)
  it.receive(1, frame(FRAME.data, 0, 0))
  expect(it.events.slice(5)).toEqual(['upstream-http2', 'upstream-http2-error'])
})

describe('SETTINGS that are never acknowledged', () => {
  test('cost no request, and the next one gets another lane', () => {
    const it = new LanesUnderTest()
    const first = it.ask()
    it.turn.run(() => it.opened[0]!.opened())
    it.receive(0, SETTINGS)
    it.pass(11_000)
    it.ask()
    expect(it.opened).toHaveLength(2)
    it.receive(0, answer(1))
    expect(first.heard).toEqual(['sent', 'head', 'complete'])
    expect(it.gone).toBe(1)
  })

  test('while nothing else comes are a lane that cannot be had', () => {
    const it = new LanesUnderTest()
    const first = it.ask()
    it.turn.run(() => it.opened[0]!.opened())
    it.pass(11_000)
    expect(first.heard).toEqual(['connect-failed'])
    expect(it.gone).toBe(1)
  })
})

describe('the window of a response', () => {
  const data = frame(FRAME.data, 0, 1, Buffer.alloc(16_384))
  const begin = frame(FRAME.headers, FLAG.endHeaders, 1, OK)

  test('grows once, when half of it was used and so much can be kept', () => {
    const it = new LanesUnderTest()
    const asked = it.ask()
    it.accept(0)
    it.written(0)
    asked.room = 192 * 1024
    it.receive(0, begin, data)
    expect([asked.kept, it.written(0)]).toEqual([0, []])
    it.receive(0, data)
    expect([asked.kept, it.written(0)]).toEqual([192 * 1024, ['windowUpdate 1']])
    it.receive(0, ...Array.from({ length: 14 }, () => data))
    expect(asked.received).toBe(16 * 16_384)
    expect(asked.kept).toBe(192 * 1024)
  })

  test('stays as small as it is when nothing more can be kept', () => {
    const it = new LanesUnderTest()
    const asked = it.ask()
    it.accept(0)
    it.receive(0, begin)
    for (let count = 0; count < 16; count++) it.receive(0, data)
    expect(asked.received).toBe(16 * 16_384)
    it.turn.run(() => asked.stream.pause())
    it.written(0)
    // 64 KiB may be under way, and not a byte more.
    it.receive(0, data, data, data, data)
    expect([asked.received, it.written(0)]).toEqual([20 * 16_384, []])
    it.receive(0, data)
    expect(asked.heard.at(-1)).toBe('reset')
  })
})
