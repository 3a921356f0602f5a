import type { BootFailure, SupervisorMessage, WorkerMessage, WorkerVitals } from '@rip/worker/protocol'
import type {
  ChildProcess,
  Clock,
  ExitStatus,
  OomRank,
  ProcessSpec,
  Signal,
  Spawner,
  WorkerLinks,
} from '../contract/ports.ts'

/** How a fake worker behaves from its start. */
export interface FakeBehaviour {
  /** When it connects; what it is told before is lost. @default 1 */
  readonly helloMs?: number
  /** @default 100 */
  readonly bootMs?: number
  /** Fails instead of getting ready. */
  readonly failure?: BootFailure
  /** Exits instead of getting ready. */
  readonly exitsAtBoot?: number
  /** @default false */
  readonly neverReady?: boolean
  /** It takes HTTP/2 on its socket, and says so. */
  readonly http2?: boolean
  /** Time a drain takes. @default 10 */
  readonly drainMs?: number
  /** Time it takes to stand by. @default 1 */
  readonly standbyMs?: number
  /** @default false */
  readonly ignoresTerm?: boolean
  readonly stderr?: string
  /** A background process fails as it begins its work. @default false */
  readonly failsToBegin?: boolean
  /** A background process crashes so long after it has begun. @default never */
  readonly crashesAfterMs?: number
  /** Resident memory it reports. @default 0, which stands for unknown */
  readonly rssBytes?: number
  /** Descriptors it says it can open. @default it does not say */
  readonly freeDescriptors?: number
}

export interface FakeProcess extends ChildProcess {
  readonly spec: ProcessSpec
  readonly slot: number
  readonly generation: string
  readonly socket: string
  readonly received: readonly SupervisorMessage[]
  readonly signals: readonly Signal[]
  readonly alive: boolean
  readonly inputEnded: boolean
  /** The last it was given. */
  readonly oomRank: OomRank | undefined
  /** Runs what its application runs once. */
  readonly active: boolean
  /** Sends no more beacons, answers nothing, dies only of KILL. */
  freeze(): void
  crash(status?: Partial<ExitStatus>): void
  vitals(vitals: Partial<WorkerVitals>): void
  say(message: WorkerMessage): void
}

/** Processes that exist in memory only, and their control connections. */
export interface FakeProcesses {
  readonly spawner: Spawner
  readonly links: WorkerLinks
  readonly all: readonly FakeProcess[]
  readonly alive: readonly FakeProcess[]
  /** How processes behave that are started from now on. */
  behave(behaviour: FakeBehaviour | ((spec: ProcessSpec) => FakeBehaviour)): void
  /** The system refuses to start processes, until called with `undefined`. */
  refuse(reason: string | undefined): void
  last(): FakeProcess
}

const FIRST_PID = 1_000
const BEACON_MS = 1_000

export function fakeProcesses(clock: Clock): FakeProcesses {
  const all: Process[] = []
  const receivers: ((pid: number, message: WorkerMessage | null) => void)[] = []
  let behaviourOf: (spec: ProcessSpec) => FakeBehaviour = () => ({})
  let refusal: string | undefined

  const deliver = (pid: number, message: WorkerMessage | null): void => {
    for (const receive of receivers) receive(pid, message)
  }

  return {
    all,
    get alive() {
      return all.filter((process) => process.alive)
    },
    behave(behaviour) {
      behaviourOf = typeof behaviour === 'function' ? behaviour : () => behaviour
    },
    refuse(reason) {
      refusal = reason
    },
    last: () => all.at(-1)!,
    spawner: {
      spawn(spec) {
        if (refusal !== undefined) throw new Error(`cannot start ${spec.name}: ${refusal}`)
        const process = new Process(FIRST_PID + all.length, spec, behaviourOf(spec), clock, deliver)
        all.push(process)
        return process
      },
    },
    links: {
      path: '/run/control.sock',
      start: async () => {},
      close: async () => {},
      onMessage: (receive) => void receivers.push(receive),
      send: (pid, message) => all.find((process) => process.pid === pid)?.receive(message),
    },
  }
}

class Process implements FakeProcess {
  readonly pid: number
  readonly spec: ProcessSpec
  readonly exited: Promise<ExitStatus>
  readonly received: SupervisorMessage[] = []
  readonly signals: Signal[] = []
  readonly #behaviour: FakeBehaviour
  readonly #clock: Clock
  readonly #deliver: (pid: number, message: WorkerMessage | null) => void
  readonly #exit: (status: ExitStatus) => void
  #vitals: WorkerVitals
  #timers: Disposable[] = []
  #frozen = false
  #connected = false
  inputEnded = false
  oomRank: OomRank | undefined
  alive = true
  active = false

  constructor(
    pid: number,
    spec: ProcessSpec,
    behaviour: FakeBehaviour,
    clock: Clock,
    deliver: (pid: number, message: WorkerMessage | null) => void,
  ) {
    this.pid = pid
    this.spec = spec
    this.#behaviour = behaviour
    this.#clock = clock
    this.#deliver = deliver
    const { promise, resolve } = Promise.withResolvers<ExitStatus>()
    this.#vitals = {
      inFlight: 0,
      webSockets: 0,
      eventStreams: 0,
      requests: 0,
      rssBytes: behaviour.rssBytes ?? 0,
      ...(behaviour.freeDescriptors !== undefined && { freeDescriptors: behaviour.freeDescriptors }),
      loopLagMs: 0,
      published: 0,
      delivered: 0,
      dropped: 0,
    }
    this.exited = promise
    this.#exit = resolve
    this.#after(behaviour.helloMs ?? 1, () => this.#connect())
    this.#after(behaviour.bootMs ?? 100, () => this.#boot())
  }

  get slot(): number {
    return Number(this.spec.env['RIP_WORKER_ID'] ?? 0)
  }

  get generation(): string {
    return this.spec.env['RIP_GENERATION'] ?? ''
  }

  get socket(): string {
    return this.spec.env['RIP_SOCKET'] ?? ''
  }

  #connect(): void {
    this.#connected = true
    this.say({ type: 'hello', version: 1, workerId: this.slot, pid: this.pid })
  }

  #boot(): void {
    const { failure, exitsAtBoot, neverReady, http2 = false, bootMs = 100 } = this.#behaviour
    if (neverReady === true) return
    if (exitsAtBoot !== undefined) return this.crash({ code: exitsAtBoot })
    if (failure !== undefined) {
      this.say({ type: 'failed', failure })
      return this.crash({ code: 1 })
    }
    if (this.socket !== '') this.say({ type: 'listening', socket: this.socket, http2 })
    this.say({ type: 'ready', bootMs, entry: 'app.ts' })
    this.#beacon()
  }

  #beacon(): void {
    this.say({ type: 'beacon', ...this.#vitals })
    this.#after(BEACON_MS, () => this.#beacon())
  }

  say(message: WorkerMessage): void {
    if (this.alive && !this.#frozen) this.#deliver(this.pid, message)
  }

  vitals(vitals: Partial<WorkerVitals>): void {
    this.#vitals = { ...this.#vitals, ...vitals }
  }

  receive(message: SupervisorMessage): void {
    if (!this.alive || !this.#connected) return
    this.received.push(message)
    if (message.type === 'resume') this.#resume()
    if (message.type === 'standby')
      this.#after(this.#behaviour.standbyMs ?? 1, () => this.#standBy(message.order))
    if (message.type === 'ping') this.#after(1, () => this.say({ type: 'beacon', ...this.#vitals }))
    if (message.type !== 'drain' || this.#frozen) return
    this.#after(Math.min(message.deadlineMs, this.#behaviour.drainMs ?? 10), () => this.#end({ code: 0 }))
  }

  #resume(): void {
    this.active = true
    if (this.spec.env['RIP_BACKGROUND'] !== undefined) this.#after(1, () => this.#begin())
  }

  #begin(): void {
    if (this.#behaviour.failsToBegin === true) {
      this.say({ type: 'failed', failure: { kind: 'import', message: 'cannot begin' } })
      return this.crash({ code: 4 })
    }
    this.say({ type: 'begun' })
    const { crashesAfterMs } = this.#behaviour
    if (crashesAfterMs !== undefined) this.#after(crashesAfterMs, () => this.crash({ code: 7 }))
  }

  #standBy(order: number): void {
    if (this.#frozen) return
    const last = this.received.findLast(({ type }) => type === 'resume' || type === 'standby')
    if (last?.type === 'standby' && last.order === order) this.active = false
    this.say({ type: 'stands-by', order })
  }

  signal(signal: Signal): void {
    if (!this.alive) return
    this.signals.push(signal)
    if (signal === 'SIGKILL') return this.#end({ signal })
    if (signal === 'SIGTERM' && !this.#frozen && this.#behaviour.ignoresTerm !== true) this.#end({ signal })
  }

  rank(rank: OomRank): void {
    this.oomRank = rank
  }

  endInput(): void {
    this.inputEnded = true
    if (!this.#frozen) this.#end({ code: 0 })
  }

  freeze(): void {
    this.#frozen = true
  }

  crash(status: Partial<ExitStatus> = { code: 1 }): void {
    this.#end(status)
  }

  stderrTail(): string {
    return this.#behaviour.stderr ?? ''
  }

  #after(delayMs: number, run: () => void): void {
    this.#timers.push(this.#clock.after(delayMs, () => this.alive && run()))
    if (this.#timers.length > 32) this.#timers = this.#timers.slice(-8)
  }

  #end(status: Partial<ExitStatus>): void {
    if (!this.alive) return
    this.alive = false
    this.active = false
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#exit({ code: null, signal: null, oom: false, ...status })
  }
}
