import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { identify } from '../../../src/forwarding/client-identity.ts'
import { FLAG, FRAME, PREFACE } from '../../../src/http2/frame-type.ts'
import { Http2Connection } from '../../../src/listener/http2/http2-connection.ts'
import { Http2Plane } from '../../../src/listener/http2/http2-plane.ts'
import { SpareStreams } from '../../../src/listener/http2/spare-streams.ts'
import { NO_KEEPER } from '../../exchange/no-keeper.ts'
import { Play, settingsWith, stepsOf, type PlayedClient } from '../../exchange/play.ts'
import { SETTINGS, SETTINGS_ACK, frame, numbers, settingsOf } from '../../http2/frames.ts'

const { endHeaders, endStream } = FLAG
const hex = (digits: string): Buffer => Buffer.from(digits, 'hex')
/** `:authority` h */
const HOST = hex('010168')
const GET = Buffer.concat([hex('828684'), HOST])
const POST = Buffer.concat([hex('838684'), HOST])
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ])
const TUNNEL = Buffer.concat([
  literal(':method', 'CONNECT'),
  literal(':protocol', 'websocket'),
  hex('8684'),
  HOST,
])

/** What a client sends on a new stream: fields, and whether they are all. */
const REQUESTS: readonly (readonly [block: Buffer, isAll: boolean])[] = [
  [GET, true],
  [POST, false],
  [Buffer.concat([POST, literal('content-length', '10')]), false],
  [Buffer.concat([POST, literal('expect', '100-continue')]), false],
  [TUNNEL, false],
  [Buffer.concat([GET, literal('X', 'y')]), true],
  [Buffer.concat([GET, literal('te', 'trailers')]), true],
]

/** What it sends on a stream it has not ended. */
const CONTINUED: readonly ((id: number) => readonly [bytes: Buffer, isAll: boolean])[] = [
  (id) => [frame(FRAME.data, 0, id, 'hello'), false],
  (id) => [frame(FRAME.data, endStream, id, 'hello'), true],
  (id) => [frame(FRAME.data, 0, id, Buffer.alloc(6_000)), false],
  (id) => [frame(FRAME.headers, endHeaders | endStream, id, literal('x-sum', '7')), true],
  (id) => [frame(FRAME.resetStream, 0, id, numbers(8)), true],
  (id) => [frame(FRAME.windowUpdate, 0, id, numbers(1_000)), false],
]

/** What it sends on the connection, and, at times, what ends it. */
const OTHERS: readonly Buffer[] = [
  frame(FRAME.windowUpdate, 0, 0, numbers(100_000)),
  frame(FRAME.settings, 0, 0, settingsOf([4, 0])),
  frame(FRAME.settings, 0, 0, settingsOf([4, 65_535], [1, 0])),
  frame(FRAME.ping, 0, 0, 'whatever'),
  frame(FRAME.data, 0, 1, 'on a stream that may be closed'),
]
const CHOICES = 2 * REQUESTS.length + 2 * CONTINUED.length + OTHERS.length

/** A client that opens streams one after the other, and goes on with those it has not ended. */
class Client implements PlayedClient {
  private lastId = -1
  private open: number[] = []

  connect(...[socket, plane]: Parameters<PlayedClient['connect']>): Http2Connection {
    const identity = identify({ address: '127.0.0.1', port: 4711 }, 'https', { has: () => false })
    const connection = new Http2Connection(
      socket,
      new SpareStreams(new Http2Plane(plane)),
      NO_KEEPER,
      identity,
    )
    this.lastId = -1
    this.open = []
    plane.turn.run(() => connection.received(Buffer.concat([PREFACE, SETTINGS, SETTINGS_ACK])))
    return connection
  }

  bytes(choice: number): Buffer {
    const kind = choice % CHOICES
    const other = OTHERS[kind - 2 * (REQUESTS.length + CONTINUED.length)]
    if (other !== undefined && this.lastId > 0) return other
    if (kind < 2 * REQUESTS.length || this.open.length === 0) return this.request(kind % REQUESTS.length)
    return this.goOn(this.open[choice % this.open.length]!, kind % CONTINUED.length)
  }

  private request(kind: number): Buffer {
    const [block, isAll] = REQUESTS[kind]!
    this.lastId += 2
    if (!isAll) this.open.push(this.lastId)
    return frame(FRAME.headers, isAll ? endHeaders | endStream : endHeaders, this.lastId, block)
  }

  private goOn(id: number, kind: number): Buffer {
    const [bytes, isAll] = CONTINUED[kind]!(id)
    if (isAll) this.open = this.open.filter((each) => each !== id)
    return bytes
  }
}

/** One that gets an octet wrong from time to time. */
class Mistaken extends Client {
  override bytes(choice: number): Buffer {
    const bytes = Buffer.from(super.bytes(choice))
    if (choice % 7 === 0) bytes[choice % bytes.length]! ^= 1 << (choice % 8)
    return bytes
  }
}

for (const [kind, create, numRuns] of [
  ['right', () => new Client(), 500],
  ['wrong at times', () => new Mistaken(), 500],
] as const)
  test(`property: with events in any order, and frames that are ${kind}, each exchange is recorded once and leaves nothing behind`, () => {
    const names = stepsOf(new Play(settingsWith('answer'), create()))
    const step = fc.tuple(names, fc.nat({ max: 1_000 }))
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 150, size: 'max' }), (steps) => {
        const play = new Play(settingsWith('answer'), create())
        for (const [name, choice] of steps) {
          play.play(name, choice)
          expect(play.inFlight + play.held).toBeWithin(0, steps.length)
          expect(play.started - play.ended).toBeWithin(0, steps.length)
        }
        play.play('the client leaves', 0)
        expect([play.started - play.ended, play.inFlight, play.held, play.queued]).toEqual([0, 0, 0, 0])
      }),
      { numRuns },
    )
  }, 60_000)
