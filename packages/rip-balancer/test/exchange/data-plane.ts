import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@rip/testing'
import { byAddress } from '../../src/forwarding/affinity.ts'
import { DataPlane } from '../../src/exchange/data-plane.ts'
import type { ExchangeRecord } from '../../src/exchange/record.ts'
import type { DataPlaneSettings } from '../../src/exchange/settings.ts'
import type { Limits } from '../../src/settings/limits.ts'
import type { Timeouts } from '../../src/settings/timeouts.ts'
import { Listener, type ListenerOptions } from '../../src/listener/listener.ts'
import type { Backend } from '../../src/upstream/backend.ts'
import type { Claimant, Claims, LongLived, Outcome } from '../../src/pool/claim.ts'
import { RecentAnswers } from '../../src/answers/recent-answers.ts'

/** How an exchange ended, copied out of the record, which is reused. */
export type Ended = Pick<
  ExchangeRecord,
  | 'method'
  | 'target'
  | 'status'
  | 'cause'
  | 'retries'
  | 'bytesSent'
  | 'bytesReceived'
  | 'clientAddress'
  | 'requestId'
>

export interface Overrides {
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: Partial<Limits>
  readonly settings?: Partial<DataPlaneSettings>
  readonly listener?: Partial<ListenerOptions>
  /** Answers claims instead of the round robin. */
  readonly claim?: (claimant: Claimant) => 'queued' | 'queue-full' | 'no-backend' | undefined
}

const NOBODY = { has: () => false }

/** A round robin over the backends that records releases, like a pool without limits. */
class PlainClaims implements Claims {
  readonly outcomes: Outcome[] = []
  readonly withdrawn: Claimant[] = []
  inFlight = 0
  held = 0
  /** Maximum number of tunnels and event streams. */
  maxHeld: number = Number.POSITIVE_INFINITY
  queued = 0
  capacity = 100
  isPressed = false
  readonly waitsForBackends: boolean = false
  private readonly refusing = new Set<Backend>()
  private next = 0
  private readonly backends: readonly Backend[]
  private readonly override: Overrides['claim']

  constructor(backends: readonly Backend[], override: Overrides['claim']) {
    this.backends = backends
    this.override = override
  }

  claim(
    claimant: Claimant,
    tried: readonly Backend[] = [],
  ): Backend | 'queued' | 'queue-full' | 'no-backend' {
    const answer = this.override?.(claimant)
    if (answer !== undefined) return answer
    const backend = this.following((each) => !tried.includes(each)) ?? this.following(() => true)
    if (backend === undefined) return 'no-backend'
    this.inFlight++
    return backend
  }

  /** The next backend in turn that has not refused a connection. */
  private following(accepts: (backend: Backend) => boolean): Backend | undefined {
    for (let step = 0; step < this.backends.length; step++) {
      const backend = this.backends[this.next++ % this.backends.length]!
      if (!this.refusing.has(backend) && accepts(backend)) return backend
    }
    return undefined
  }

  hasOther(backend: Backend): boolean {
    return this.backends.some((other) => other !== backend)
  }

  withdraw(claimant: Claimant): void {
    this.withdrawn.push(claimant)
  }

  release(backend: Backend, outcome: Outcome): void {
    if (outcome === 'connect-failed' || outcome === 'connect-timeout') this.refusing.add(backend)
    this.inFlight--
    this.outcomes.push(outcome)
  }

  hasRoom(): boolean {
    return this.held < this.maxHeld
  }

  hold(): void {
    this.inFlight--
    this.held++
  }

  letGo(_backend: Backend, _kind: LongLived, outcome: Outcome): void {
    this.held--
    this.outcomes.push(outcome)
  }

  mayRetry(): boolean {
    return true
  }
}

/** A listener on a free port in front of scripted backends. */
export class TestBalancer implements AsyncDisposable {
  readonly ended: Ended[] = []
  readonly events: string[] = []
  readonly faults: string[] = []
  readonly claims: PlainClaims
  readonly plane: DataPlane
  readonly listener: Listener

  private constructor(paths: readonly string[], overrides: Overrides) {
    const backends = paths.map((path) => backendAt(path))
    this.claims = new PlainClaims(backends, overrides.claim)
    this.plane = new DataPlane(settingsOf(this, overrides), this.claims)
    const options = {
      tls: undefined,
      http2: false,
      reusePort: false,
      access: undefined,
      ...overrides.listener,
    }
    this.listener = new Listener(this.plane, {
      target: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      ...options,
    })
  }

  static async start(paths: readonly string[], overrides: Overrides = {}): Promise<TestBalancer> {
    const balancer = new TestBalancer(paths, overrides)
    await balancer.listener.start()
    return balancer
  }

  get port(): number {
    return this.listener.port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close()
    this.plane.upstreams.close()
    this.plane.departures.close()
  }
}

function backendAt(path: string): Backend {
  const address = { kind: 'unix', path } as const
  const state = {
    inFlight: 0,
    generation: undefined,
    leaving: false,
    onTrial: false,
    answers: new RecentAnswers(),
  }
  return { id: path, address, maxInFlight: 100, ...state }
}

function settingsOf(balancer: TestBalancer, overrides: Overrides): DataPlaneSettings {
  return {
    timeouts: {
      headerMs: 5_000,
      bodyIdleMs: 5_000,
      clientIdleMs: 5_000,
      writeIdleMs: 5_000,
      connectMs: 1_000,
      responseMs: 5_000,
      responseIdleMs: 5_000,
      totalMs: Number.POSITIVE_INFINITY,
      repeatMs: 5_000,
      tunnelIdleMs: 5_000,
      tunnelEndMs: 5_000,
      continueMs: 1_000,
      upstreamIdleMs: 5_000,
      lingerMs: 300,
      drainGraceMs: 100,
      drainMs: 5_000,
      ...overrides.timeouts,
    },
    limits: {
      maxLineBytes: 16_384,
      maxHeadBytes: 32_768,
      maxFields: 100,
      maxBodyBytes: 1_048_576,
      minBodyBytesPerSecond: 512,
      minResponseBytesPerSecond: 512,
      maxRequestBufferBytes: 65_536,
      maxResponseBufferBytes: 1_048_576,
      maxBufferedBytes: 67_108_864,
      maxResponseHeadBytes: 65_536,
      maxInterimResponses: 32,
      maxRequestsPerConnection: Number.POSITIVE_INFINITY,
      maxConnections: 1_000,
      maxConnectionsPerAddress: Number.POSITIVE_INFINITY,
      maxLongLivedPerBackend: Number.POSITIVE_INFINITY,
      maxLongLivedPerAddress: Number.POSITIVE_INFINITY,
      maxIdlePerBackend: 64,
      maxReplayBytes: 65_536,
      ...overrides.limits,
    },
    forwarding: {
      trustedProxies: NOBODY,
      forwarded: false,
      via: undefined,
      acceptRequestId: false,
      clientFields: new Set<string>(),
      exposeRequestId: false,
      requestTrailers: false,
      underscores: 'drop',
    },
    unknownMethods: 'pass',
    upgrades: ['websocket'],
    hashKey: byAddress,
    sticky: undefined,
    learned: undefined,
    retries: 1,
    halfClose: 'answer',
    proxyProtocolFrom: undefined,
    hooks: {},
    observer: {
      started: () => {},
      ended: (record) => void balancer.ended.push(copyOf(record)),
      connection: (event) => void balancer.events.push(event),
      foreignHost: () => {},
      underscored: () => {},
      attemptFailed: () => {},
      fault: (error) => void balancer.faults.push(String(error)),
    },
    hosts: undefined,
    errorPages: {
      render: (status) => ({ contentType: 'text/plain', body: `${status}\n` }),
      renderForeignHost: (_status, host) => ({ contentType: 'text/plain', body: `${host}\n` }),
    },
    ...overrides.settings,
  }
}

function copyOf(record: ExchangeRecord): Ended {
  const { method, target, status, cause, retries, bytesSent, bytesReceived, clientAddress, requestId } =
    record
  return { method, target, status, cause, retries, bytesSent, bytesReceived, clientAddress, requestId }
}

/** How a scripted backend reacts to the bytes of one connection. */
export type Script = (socket: net.Socket, received: string, connection: number) => void

/** A backend that records every byte and answers as its script says. */
export class RawBackend implements AsyncDisposable {
  readonly path: string
  /** Bytes received, one entry per connection. */
  readonly received: string[] = []
  readonly sockets: Set<net.Socket> = new Set()
  script: Script
  private readonly folder: string
  private readonly server: net.Server

  private constructor(script: Script) {
    this.folder = mkdtempSync(join(tmpdir(), 'rip-'))
    this.path = join(this.folder, 'b.sock')
    this.script = script
    this.server = net.createServer({ allowHalfOpen: true }, (socket) => this.accept(socket))
  }

  static async start(script: Script): Promise<RawBackend> {
    const backend = new RawBackend(script)
    await new Promise<void>((resolve) => backend.server.listen(backend.path, resolve))
    return backend
  }

  /** Listens on a free port of this machine. */
  static async startOnTcp(script: Script): Promise<RawBackend> {
    const backend = new RawBackend(script)
    await new Promise<void>((resolve) => backend.server.listen(0, '127.0.0.1', resolve))
    return backend
  }

  /** Of a backend on TCP. */
  get port(): number {
    return (this.server.address() as net.AddressInfo).port
  }

  /** Everything received, over all connections. */
  get all(): string {
    return this.received.join('')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
    rmSync(this.folder, { recursive: true, force: true })
  }

  private accept(socket: net.Socket): void {
    const connection = this.received.push('') - 1
    this.sockets.add(socket)
    // Many scripts include a reset by the balancer.
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('data', (chunk) => {
      this.received[connection] += chunk.toString('latin1')
      this.script(socket, this.received[connection]!, connection)
    })
  }
}

/** Answers each complete request without a body by `response`. */
export function answering(response: string): Script {
  return (socket, received) => {
    if (received.endsWith('\r\n\r\n')) socket.write(Buffer.from(response, 'latin1'))
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A client that writes bytes and collects bytes. */
export class RawClient implements Disposable {
  received = ''
  closed = false
  ended = false
  readonly socket: net.Socket
  private readonly waiting = new Set<() => void>()

  private constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.note(() => (this.received += chunk.toString('latin1'))))
    socket.on('end', () => this.note(() => (this.ended = true)))
    socket.on('close', () => this.note(() => (this.closed = this.ended = true)))
    // A reset shows as `closed`.
    socket.on('error', () => {})
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const client = new RawClient(socket)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    socket.setNoDelay(true)
    return client
  }

  send(text: string): this {
    this.socket.write(Buffer.from(text, 'latin1'))
    return this
  }

  /** Resolves when the condition holds. @throws with what was received when it does not in time */
  async until(condition: (received: string) => boolean, limitMs = 4_000): Promise<string> {
    const deadline = performance.now() + limitMs
    while (!condition(this.received)) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) throw new Error(`waited in vain; received ${JSON.stringify(this.received)}`)
      await this.change(leftMs)
    }
    return this.received
  }

  /** Resolves with everything received when the balancer has stopped sending. */
  untilEnd(limitMs?: number): Promise<string> {
    return this.until(() => this.ended, limitMs)
  }

  untilText(text: string, limitMs?: number): Promise<string> {
    return this.until((received) => received.includes(text), limitMs)
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  private note(change: () => void): void {
    change()
    for (const wake of this.waiting) wake()
    this.waiting.clear()
  }

  private change(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limitMs)
    this.waiting.add(() => {
      clearTimeout(timer)
      resolve()
    })
    return promise
  }
}

/** Waits for a condition that no event announces. @throws when it does not hold in time */
export async function eventually(condition: () => boolean, limitMs = 4_000): Promise<void> {
  await until('the condition holds', condition, limitMs)
}
