import { byAddress } from '../../src/forwarding/affinity.ts'
import { DataPlane } from '../../src/exchange/data-plane.ts'
import type { DataPlaneSettings } from '../../src/exchange/settings.ts'
import { ClientConnection } from '../../src/listener/client-connection.ts'
import type { Backend } from '../../src/upstream/backend.ts'
import type { Claims } from '../../src/pool/claim.ts'
import type { ByteSocket } from '../../src/transport/byte-socket.ts'
import type { Receiver } from '../../src/transport/turn.ts'
import { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'
import { NO_KEEPER } from './no-keeper.ts'

/** A socket in memory that takes as many bytes as it has room for, and keeps them. */
export class MemorySocket implements ByteSocket {
  written = ''
  writtenBytes = 0
  roomBytes: number = Number.POSITIVE_INFINITY
  state: 'open' | 'shut' | 'ended' | 'terminated' = 'open'

  write(bytes: Uint8Array, from: number, length: number): number {
    const taken = Math.min(length, this.roomBytes)
    this.written += Buffer.prototype.latin1Slice.call(bytes, from, from + taken)
    this.roomBytes -= taken
    this.writtenBytes += taken
    return taken
  }

  shutdown(): void {
    this.state = 'shut'
  }

  end(): void {
    this.state = 'ended'
  }

  terminate(): void {
    this.state = 'terminated'
  }

  pause(): void {}
  resume(): void {}
}

const backend: Backend = {
  id: 'b',
  address: { kind: 'unix', path: '/nowhere' },
  maxInFlight: 1,
  inFlight: 0,
  generation: undefined,
  leaving: false,
  onTrial: false,
  answers: new RecentAnswers(),
}

/** One client connection and the backend connections it leads to, without sockets: a million exchanges take a minute. */
export class InProcess {
  inFlight = 0
  readonly client: MemorySocket = new MemorySocket()
  readonly backends: MemorySocket[] = []
  readonly upstreams: UpstreamConnection[] = []
  readonly plane: DataPlane
  private readonly connection: ClientConnection

  /** @param queued number of requests that wait for a slot of the backend */
  constructor(settings: DataPlaneSettings, queued = 0) {
    const claims: Claims = {
      queued,
      capacity: 1,
      isPressed: false,
      waitsForBackends: false,
      claim: () => (this.inFlight++, backend),
      withdraw: () => {},
      release: () => void this.inFlight--,
      hasRoom: () => true,
      hold: () => {},
      letGo: () => void this.inFlight--,
      mayRetry: () => false,
      hasOther: () => false,
    }
    const plane = new DataPlane(settings, claims)
    this.plane = plane
    plane.upstreams.takeIdle = (_backend, sink) => {
      const socket = new MemorySocket()
      const owner = { park: () => {}, closedUnused: () => {}, gone: () => {}, fault: rethrow }
      const limits = {
        head: settings.limits,
        maxInterimResponses: settings.limits.maxInterimResponses,
        idleMs: 1_000,
      }
      const upstream = new UpstreamConnection(socket, plane.turn, owner, limits, undefined)
      upstream.opened()
      upstream.take(sink)
      upstream.reused = false
      this.backends.push(socket)
      this.upstreams.push(upstream)
      return upstream
    }
    this.connection = new ClientConnection(
      this.client,
      plane,
      NO_KEEPER,
      { address: '127.0.0.1', port: 4711 },
      false,
    )
  }

  /** The time of the last event. */
  get nowMs(): number {
    return this.plane.turn.clock.nowMs
  }

  send(bytes: Buffer): void {
    this.arrives(this.connection, bytes)
  }

  answer(bytes: Buffer): void {
    const upstream = this.upstreams.at(-1)
    if (upstream !== undefined) this.arrives(upstream, bytes)
  }

  backendCloses(): void {
    this.plane.turn.run(() => this.upstreams.at(-1)?.lost('reset'))
  }

  /** Lets time pass. @param acknowledgedBytes bytes that the client has acknowledged by then */
  tick(nowMs: number, acknowledgedBytes: number): void {
    // A socket in memory has no descriptor, so the kernel cannot be asked.
    Object.defineProperty(this.connection.outbox, 'acknowledged', {
      configurable: true,
      value: acknowledgedBytes,
    })
    this.plane.turn.run(() => {
      this.connection.tick(nowMs)
      this.plane.slowClients.makeWay()
    })
  }

  /** The kernel takes this many more bytes for the client. */
  clientMakesRoom(bytes: number): void {
    this.client.roomBytes += bytes
    this.plane.turn.run(() => this.connection.writable())
  }

  /** The client ends its side. */
  clientEnds(): void {
    this.plane.turn.run(() => this.connection.ended())
  }

  clientCloses(): void {
    this.plane.turn.run(() => this.connection.closed())
  }

  private arrives(receiver: Receiver, bytes: Buffer): void {
    const { turn } = this.plane
    turn.run(() => receiver.received(bytes))
    receiver.consumed(bytes)
  }
}

/** Settings without any time limit. */
export function timelessSettings(): DataPlaneSettings {
  const never = Number.POSITIVE_INFINITY
  return {
    timeouts: {
      headerMs: never,
      bodyIdleMs: never,
      clientIdleMs: never,
      writeIdleMs: never,
      connectMs: never,
      responseMs: never,
      responseIdleMs: never,
      totalMs: never,
      repeatMs: never,
      tunnelIdleMs: never,
      tunnelEndMs: never,
      continueMs: never,
      upstreamIdleMs: never,
      lingerMs: never,
      drainGraceMs: never,
      drainMs: never,
    },
    limits: {
      maxLineBytes: 4_096,
      maxHeadBytes: 8_192,
      maxFields: 50,
      maxBodyBytes: 10_000,
      minBodyBytesPerSecond: 0,
      minResponseBytesPerSecond: 0,
      maxRequestBufferBytes: 1_000,
      maxResponseBufferBytes: 10_000,
      maxBufferedBytes: 100_000,
      maxResponseHeadBytes: 8_192,
      maxInterimResponses: 8,
      maxRequestsPerConnection: never,
      maxConnections: never,
      maxConnectionsPerAddress: never,
      maxLongLivedPerBackend: Number.POSITIVE_INFINITY,
      maxLongLivedPerAddress: Number.POSITIVE_INFINITY,
      maxIdlePerBackend: 1,
      maxReplayBytes: 1_000,
    },
    forwarding: {
      trustedProxies: { has: () => false },
      forwarded: false,
      via: undefined,
      acceptRequestId: false,
      clientFields: new Set<string>(),
      exposeRequestId: false,
      requestTrailers: false,
      underscores: 'drop',
    },
    unknownMethods: 'pass',
    upgrades: [],
    hashKey: byAddress,
    sticky: undefined,
    learned: undefined,
    retries: 0,
    halfClose: 'answer',
    proxyProtocolFrom: undefined,
    hooks: {},
    observer: {
      started: () => {},
      ended: () => {},
      connection: () => {},
      foreignHost: () => {},
      underscored: () => {},
      attemptFailed: () => {},
      fault: rethrow,
    },
    hosts: undefined,
    errorPages: { render: () => ERROR_PAGE, renderForeignHost: () => ERROR_PAGE },
  }
}

const ERROR_PAGE = { contentType: 'text/plain', body: 'error' }

/** Makes internal errors fail the test. */
function rethrow(error: unknown): never {
  throw error
}
