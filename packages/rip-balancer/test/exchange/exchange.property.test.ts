import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { DataPlane } from '../../src/exchange/data-plane.ts'
import type { DataPlaneSettings } from '../../src/exchange/settings.ts'
import { ClientConnection } from '../../src/listener/client-connection.ts'
import type { Backend } from '../../src/upstream/backend.ts'
import type { Claimant, Claims } from '../../src/pool/claim.ts'
import { UpstreamConnection, type UpstreamLimits } from '../../src/upstream/upstream-connection.ts'
import type { ResponseSink } from '../../src/upstream/response-sink.ts'
import { MemorySocket, timelessSettings } from './in-process.ts'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { NO_KEEPER } from './no-keeper.ts'

const FROM_CLIENT = [
  'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
  'HEAD / HTTP/1.0\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
  'PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n',
  'GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  'hello',
  'x'.repeat(2_000),
] as const

const FROM_BACKEND = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\nuntil the end',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
  'HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n',
  '0\r\n\r\n',
  'x'.repeat(3_000),
  'no HTTP at all\r\n\r\n',
] as const

/** One client connection, backends and a pool, all controlled by a list of steps. */
class Play implements Claims {
  isPressed = false
  readonly waitsForBackends = false
  readonly capacity = 2
  inFlight = 0
  held = 0
  started = 0
  ended = 0
  private client = new MemorySocket()
  private readonly waiting: Claimant[] = []
  private readonly plane: DataPlane
  private connection: ClientConnection
  private readonly upstreams: { socket: MemorySocket; connection: UpstreamConnection; isOpen: boolean }[] = []
  private readonly limits: UpstreamLimits
  private aheadMs = 0
  private isBusy = false

  constructor(settings: DataPlaneSettings) {
    const observer = {
      ...settings.observer,
      started: () => void this.started++,
      ended: () => void this.ended++,
    }
    this.plane = new DataPlane({ ...settings, observer }, this)
    this.limits = { head: settings.limits, maxInterimResponses: 2, idleMs: 1_000 }
    this.plane.upstreams.takeIdle = (_backend, sink) => {
      const parked = this.upstreams.find(({ connection, isOpen }) => isOpen && this.parked.has(connection))
      if (parked === undefined) return undefined
      this.parked.delete(parked.connection)
      parked.connection.take(sink)
      return parked.connection
    }
    this.plane.upstreams.open = (_backend, sink) => this.open(sink)
    this.connection = this.connect()
  }

  private connect(): ClientConnection {
    const peer = { address: '127.0.0.1', port: 4711 }
    this.client = new MemorySocket()
    return new ClientConnection(this.client, this.plane, NO_KEEPER, peer, false)
  }

  private readonly parked = new Set<UpstreamConnection>()

  private open(sink: ResponseSink): UpstreamConnection {
    const socket = new MemorySocket()
    const owner = {
      park: (connection: UpstreamConnection) => void this.parked.add(connection),
      closedUnused: () => {},
      gone: (connection: UpstreamConnection) => void this.parked.delete(connection),
      fault: (error: unknown) => {
        throw error
      },
    }
    const connection = new UpstreamConnection(socket, this.plane.turn, owner, this.limits, sink)
    this.upstreams.push({ socket, connection, isOpen: false })
    return connection
  }

  // Implementation of Claims.

  get queued(): number {
    return this.waiting.length
  }

  claim(claimant: Claimant): Backend | 'queued' {
    if (this.isBusy) return (this.waiting.push(claimant), 'queued')
    this.inFlight++
    return backend
  }

  withdraw(claimant: Claimant): void {
    const at = this.waiting.indexOf(claimant)
    if (at >= 0) this.waiting.splice(at, 1)
  }

  release(): void {
    this.inFlight--
  }

  hasRoom(): boolean {
    return true
  }

  hold(): void {
    this.inFlight--
    this.held++
  }

  letGo(): void {
    this.held--
  }

  mayRetry(): boolean {
    return true
  }

  hasOther(): boolean {
    return this.aheadMs % 2 === 0
  }

  // The steps.

  readonly steps: Readonly<Record<string, (choice: number) => void>> = {
    'the client sends': (choice) => this.connection.received(bytesOf(FROM_CLIENT, choice)),
    'the client sends half': (choice) => {
      const bytes = bytesOf(FROM_CLIENT, choice)
      this.connection.received(bytes.subarray(0, bytes.length >> 1))
    },
    'the client ends': () => this.connection.ended(),
    'the client leaves': () => {
      this.connection.closed()
      this.connection = this.connect()
    },
    'the client stops reading': () => void (this.client.roomBytes = 0),
    'the client reads': () => {
      this.client.roomBytes = Number.POSITIVE_INFINITY
      this.connection.writable()
    },
    'a backend accepts': () => {
      const opening = this.upstreams.find(({ isOpen }) => !isOpen)
      if (opening === undefined) return
      opening.isOpen = true
      opening.connection.opened()
    },
    'a backend refuses': () => this.upstreams.at(-1)?.connection.lost('connect-failed'),
    'a backend sends': (choice) => {
      const upstream = this.upstreams.findLast(({ isOpen }) => isOpen)
      upstream?.connection.received(bytesOf(FROM_BACKEND, choice))
    },
    'a backend ends': () => this.upstreams.findLast(({ isOpen }) => isOpen)?.connection.ended(),
    'a backend is lost': () => this.upstreams.at(-1)?.connection.lost('reset'),
    'a backend stops reading': () => {
      for (const { socket } of this.upstreams) socket.roomBytes = 0
    },
    'a backend reads': () => {
      for (const { socket, connection } of this.upstreams) {
        socket.roomBytes = Number.POSITIVE_INFINITY
        connection.writable()
      }
    },
    'backends become scarce': () => void (this.isBusy = this.isPressed = true),
    'a backend becomes free': () => {
      this.isBusy = this.isPressed = false
      const claimant = this.waiting.shift()
      if (claimant === undefined) return
      this.inFlight++
      claimant.granted(backend)
    },
    'the queue is given up': () => this.waiting.shift()?.refused('queue-timeout'),
    'time passes': (choice) => {
      this.aheadMs += choice * 7
      this.connection.tick(performance.now() + this.aheadMs)
      this.plane.slowClients.makeWay()
    },
  }

  /** Plays a step. A closed socket reports its end, and another client comes. */
  play(step: string, choice: number): void {
    this.plane.turn.run(() => this.steps[step]!(choice))
    const isClosed = this.client.state === 'ended' || this.client.state === 'terminated'
    if (isClosed) this.plane.turn.run(() => this.steps['the client leaves']!(0))
  }
}

const backend: Backend = {
  id: 'b',
  address: { kind: 'unix', path: '/nowhere' },
  maxInFlight: 2,
  inFlight: 0,
  generation: undefined,
  leaving: false,
  onTrial: false,
  answers: new RecentAnswers(),
}

const bytesOf = (texts: readonly string[], choice: number): Buffer =>
  Buffer.from(texts[choice % texts.length]!, 'latin1')

/** Most steps make progress, so that most lists get far. */
const FREQUENT = ['the client sends', 'a backend accepts', 'a backend sends', 'a backend becomes free']
const STEPS = Object.keys(new Play(timelessSettings()).steps).map((name) => ({
  arbitrary: fc.constant(name),
  weight: FREQUENT.includes(name) ? 8 : 1,
}))

/** Time limits of a few ticks each, and bodies that are gathered. */
function settingsWith(halfClose: DataPlaneSettings['halfClose']): DataPlaneSettings {
  const settings = timelessSettings()
  const timeouts = {
    ...settings.timeouts,
    bodyIdleMs: 150,
    writeIdleMs: 200,
    connectMs: 50,
    responseMs: 180,
    responseIdleMs: 180,
    totalMs: 700,
    repeatMs: 5_000,
    tunnelIdleMs: 300,
    tunnelEndMs: 100,
    continueMs: 60,
    headerMs: 400,
    clientIdleMs: 400,
    lingerMs: 100,
  }
  return { ...settings, timeouts, retries: 1, halfClose, upgrades: ['websocket'] }
}

test('property: with events in any order, each exchange is recorded once and leaves nothing behind', () => {
  const step = fc.tuple(fc.oneof(...STEPS), fc.nat({ max: 24 }))
  const halfCloses = fc.constantFrom('answer' as const, 'tell' as const, 'abort' as const)
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), halfCloses, (steps, halfClose) => {
      const play = new Play(settingsWith(halfClose))
      for (const [name, choice] of steps) {
        play.play(name, choice)
        expect(play.inFlight + play.held).toBeWithin(0, 2)
        expect(play.started - play.ended).toBeWithin(0, 2)
      }
      play.play('the client leaves', 0)
      expect([play.started - play.ended, play.inFlight, play.held, play.queued]).toEqual([0, 0, 0, 0])
    }),
    { numRuns: 1_000 },
  )
}, 30_000)
