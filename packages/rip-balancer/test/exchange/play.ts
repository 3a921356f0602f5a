import fc from 'fast-check'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { DataPlane } from '../../src/exchange/data-plane.ts'
import type { DataPlaneSettings } from '../../src/exchange/settings.ts'
import type { KeptConnection } from '../../src/listener/connection-keeper.ts'
import type { Claimant, Claims } from '../../src/pool/claim.ts'
import type { Backend } from '../../src/upstream/backend.ts'
import type { ResponseSink } from '../../src/upstream/response-sink.ts'
import { UpstreamConnection, type UpstreamLimits } from '../../src/upstream/upstream-connection.ts'
import { MemorySocket, timelessSettings } from './in-process.ts'

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

/** A client, as it connects and as it sends. */
export interface PlayedClient {
  connect(socket: MemorySocket, plane: DataPlane): KeptConnection
  /** What it sends, by a number. */
  bytes(choice: number): Buffer
}

/** One client connection, backends and a pool, all controlled by a list of steps. */
export class Play implements Claims {
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
  private connection: KeptConnection
  private readonly played: PlayedClient
  private readonly upstreams: { socket: MemorySocket; connection: UpstreamConnection; isOpen: boolean }[] = []
  private readonly limits: UpstreamLimits
  private aheadMs = 0
  private isBusy = false

  constructor(settings: DataPlaneSettings, played: PlayedClient) {
    this.played = played
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

  private connect(): KeptConnection {
    this.client = new MemorySocket()
    return this.played.connect(this.client, this.plane)
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
    'the client sends': (choice) => this.connection.received(this.played.bytes(choice)),
    'the client sends half': (choice) => {
      const bytes = this.played.bytes(choice)
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

export const bytesOf = (texts: readonly string[], choice: number): Buffer =>
  Buffer.from(texts[choice % texts.length]!, 'latin1')

/** Most steps make progress, so that most lists get far. */
const FREQUENT = ['the client sends', 'a backend accepts', 'a backend sends', 'a backend becomes free']

/** The names of the steps of a play, in any order. */
export function stepsOf(play: Play): fc.Arbitrary<string> {
  const names = Object.keys(play.steps)
  return fc.oneof(
    ...names.map((name) => ({ arbitrary: fc.constant(name), weight: FREQUENT.includes(name) ? 8 : 1 })),
  )
}

/** Time limits of a few ticks each, and bodies that are gathered. */
export function settingsWith(halfClose: DataPlaneSettings['halfClose']): DataPlaneSettings {
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
