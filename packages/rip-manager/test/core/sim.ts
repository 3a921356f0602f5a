import type { SupervisorMessage, WorkerMessage, WorkerVitals } from '@rip/worker/protocol'
import { STANDBY_TIMEOUT_MS } from '../../src/contract/defaults.ts'
import type { BackgroundLaunch, Effects, Launch, Outcome } from '../../src/machine/effects.ts'
import type { CommandId, Input } from '../../src/machine/inputs.ts'
import { brokenInvariants } from '../../src/machine/invariants.ts'
import { Machine } from '../../src/machine/machine.ts'
import type { Surroundings } from '../../src/machine/generation.ts'
import type { MachineConfig } from '../../src/machine/machine-config.ts'
import { readyWorkers } from '../../src/machine/worker.ts'
import type { MemoryReading, Signal, Snapshot, TreeState } from '../../src/contract/ports.ts'
import type { ManagerEventBody } from '../../src/contract/events.ts'
import type { Backend, GenerationId } from '../../src/contract/router.ts'
import type { Findings } from '../../src/contract/verdict.ts'

export type ContentKind =
  | 'good'
  | 'does not compile'
  | 'does not boot'
  | 'is not verified'
  | 'does not begin in the background'
  | 'keeps ending in the background'

/** What the switch shows to be no good only afterwards. */
const FAILS_LATER: ReadonlySet<ContentKind | undefined> = new Set([
  'does not begin in the background',
  'keeps ending in the background',
])

/** The true state of a process, which may differ from what the machine believes. */
interface SimProcess {
  readonly pid: number
  readonly id: string
  readonly launch: Launch
  state: 'booting' | 'serving' | 'frozen' | 'draining'
  /** Whether its application runs its jobs. */
  active: boolean
  /** Time at which the machine stops waiting for it to stand by. */
  standbyByMs: number
  /** Number of the last order to stand by. */
  order: number
}

/** A process of a background program as it really is. */
interface SimBackground {
  readonly pid: number
  readonly launch: BackgroundLaunch
  state: 'preparing' | 'prepared' | 'beginning' | 'working' | 'leaving' | 'frozen'
  /** It does its work. */
  works: boolean
}

/** The content on disk, now and before. */
interface Disk {
  readonly content: number
  readonly kinds: ReadonlyMap<GenerationId, ContentKind>
}

/** The true state of the router. */
interface SimRouter {
  readonly backends: Map<GenerationId, ReadonlySet<string>>
  cut: GenerationId | undefined
}

/** Events that report the end of a reload to callers. */
const REPORTED_ENDS: ReadonlySet<string> = new Set([
  'generation-cut',
  'generation-refused',
  'generation-unchanged',
])

const WORKER_BYTES = 100
const VITALS: WorkerVitals = {
  inFlight: 0,
  webSockets: 0,
  eventStreams: 0,
  requests: 0,
  rssBytes: WORKER_BYTES,
  loopLagMs: 0,
  published: 0,
  delivered: 0,
  dropped: 0,
}

export const simSettings: Omit<MachineConfig, 'cutAfter'> = {
  concurrency: 10,
  speaksProtocol: true,
  bootTimeoutMs: 5_000,
  drainTimeoutMs: 5_000,
  stopTimeoutMs: 5_000,
  stopDelayMs: 2_000,
  settleMs: 200,
  killGraceMs: 500,
  beaconMs: 1_000,
  stuckAfterMs: 8_000,
  crash: { restarts: 5, perMs: 30_000, backoffBaseMs: 250, backoffCapMs: 30_000, stableMs: 10_000 },
  recycle: { requests: 100, memoryBytes: 0, lifetimeMs: 0, jitter: 0.1, memorySamples: 1, budgetShare: 0.9 },
  maxRetiring: 2,
  verifies: true,
  builds: true,
  observe: {
    windowMs: 3_000,
    minRequests: 10,
    minErrors: 5,
    maxErrorRate: 0.1,
    everyMs: 500,
    compares: false,
  },
}

/**
 * A machine in a simulated world in which every answer comes at a random time. The world knows the true state, and
 * throws when something happens that must never happen.
 */
export class Sim implements Effects {
  readonly machine: Machine
  readonly random: () => number
  readonly processes: Map<number, SimProcess> = new Map()
  readonly background: Map<number, SimBackground> = new Map()
  /** Processes of a manager that was killed, or is about to end; they work on for a while. */
  readonly orphans: Set<SimBackground> = new Set()
  readonly programs: readonly string[]
  readonly events: ManagerEventBody[] = []
  readonly #answers: (() => void)[] = []
  /** Orders, which the router carries out in sequence. */
  readonly #orders: (() => void)[] = []
  readonly #kinds = new Map<GenerationId, ContentKind>()
  readonly #open = new Set<CommandId>()
  readonly #sockets = new Set<string>()
  readonly #lost = new Set<string>()
  readonly #told = new Set<string>()
  #router: SimRouter = { backends: new Map(), cut: undefined }
  readonly #aborted = new Set<number>()
  #nextCommand = 1
  #nextPid = 1
  #content = 0
  #writtenMs = -60_000
  #spawnFails = false
  #answered = 0
  readonly #roomForWorkers: number
  /** Data that outlasts the process. */
  findings: Findings
  readonly #copies: Set<GenerationId>
  nowMs = 0
  hasStopped = false
  /** Whether nothing fails any more. */
  calm = false
  cuts = 0
  /** Whether a reload was reported to begin, and its end was not reported yet. */
  reloading = false

  /** With memory for that many workers. */
  constructor(
    random: () => number,
    workers: number,
    roomForWorkers: number = Infinity,
    before?: Pick<Sim, 'findings' | 'disk' | 'background'>,
    programs = 0,
  ) {
    this.programs = ['jobs', 'mail', 'reports', 'sync'].slice(0, programs)
    for (const process of before?.background.values() ?? []) if (process.works) this.orphans.add(process)
    this.random = random
    this.findings = before?.findings ?? { condemned: [], good: undefined }
    this.#copies = new Set(this.findings.good && [this.findings.good.generation])
    if (before !== undefined) this.#restore(before.disk)
    this.#roomForWorkers = roomForWorkers
    const config: MachineConfig = {
      ...simSettings,
      observe: { ...simSettings.observe!, compares: workers % 3 !== 0 },
      cutAfter: workers % 2 === 0 ? 'all' : 'first',
    }
    this.machine = new Machine({
      config,
      effects: this,
      random,
      workers,
      watching: true,
      background: this.programs.map((name) => ({ name, isUnfrozen: name === 'sync' })),
      // The successor of a manager that is still there, or of one that was killed.
      activates: before === undefined || this.random() < 0.5,
      backgroundIsFree: before === undefined,
      findings: this.findings,
      nowMs: 0,
    })
    if (before === undefined) this.edit('good')
    this.input({ type: 'services', online: true })
    if (before !== undefined) this.#outliveOrphans()
  }

  /** Each ends in its own time; what exists once begins when the last one has gone. */
  #outliveOrphans(): void {
    if (this.orphans.size === 0) this.#later(() => this.#takeOver())
    for (const orphan of this.orphans)
      this.#later(() => {
        this.orphans.delete(orphan)
        if (this.orphans.size === 0) this.#takeOver()
      })
  }

  #takeOver(): void {
    this.input({ type: 'activate' })
    this.input({ type: 'background-free' })
  }

  /** The files that a new start on the same folder finds. */
  get disk(): Disk {
    return { content: this.#content, kinds: this.#kinds }
  }

  #restore({ content, kinds }: Disk): void {
    this.#content = content
    for (const [generation, kind] of kinds) this.#kinds.set(generation, kind)
  }

  /** Puts earlier content back on disk. */
  putBack(): void {
    this.#content = 1 + Math.floor(this.random() * this.#content)
    this.#writtenMs = this.nowMs
  }

  /** Plays one input, and checks the invariants before and after. */
  input(input: Input): void {
    const { fleet } = this.machine
    const before = {
      serving: fleet.serving,
      ready: this.#readyCount(),
      wanted: fleet.wanted,
      state: fleet.state,
      yielded: this.#yielded,
    }
    const gone = this.#lossOf(input)
    this.machine.handle(input, this.nowMs)
    this.#object(brokenInvariants(fleet))
    this.#objectToStrangers()
    this.#objectToTwins()
    if (before.state !== 'running' || fleet.state !== 'running' || before.serving !== fleet.serving) return
    const yielded = Math.max(0, this.#yielded - before.yielded)
    if (yielded > 0) this.#objectToYielding(yielded)
    const owed = Math.min(before.ready, before.wanted, fleet.wanted) - gone - this.#stuckNow() - yielded
    if (this.#readyCount() < owed) throw new Error(`capacity fell to ${this.#readyCount()}, ${owed} are owed`)
  }

  /** How many workers have left to make room for a candidate. */
  get #yielded(): number {
    return this.machine.fleet.rollout?.yielded.size ?? 0
  }

  /** Only for want of memory, one after the other, and never the last. */
  #objectToYielding(count: number): void {
    if (count > 1) throw new Error(`${count} workers have left at once to make room`)
    if (this.#roomForWorkers - this.processes.size >= 2) throw new Error('a worker made room that was there')
    if (this.#readyCount() < 1) throw new Error('the last worker has left to make room')
  }

  command(body: {
    readonly type: 'start' | 'reload' | 'restart' | 'rollback' | 'scale'
    readonly workers?: number
    readonly force?: boolean
    readonly wait?: boolean
    readonly background?: string
  }): void {
    const command = this.#nextCommand++
    this.#open.add(command)
    const { type, workers = 1, force = false, wait = false } = body
    if (type === 'start') return this.input({ type, command })
    if (type === 'scale') return this.input({ type, command, workers })
    const { background } = body
    if (type === 'restart')
      return this.input({ type, command, reason: type, ...(background !== undefined && { background }) })
    if (type === 'rollback') return this.input({ type, command, reason: type, force })
    this.input({ type, command, reason: type, force, wait })
  }

  cancel(): void {
    const [command] = this.#open
    if (command === undefined || command === 1) return
    this.#open.delete(command)
    this.input({ type: 'cancel', command })
  }

  get openCommands(): number {
    return this.#open.size
  }

  edit(kind: ContentKind): void {
    this.#content = this.#kinds.size + 1
    this.#kinds.set(this.generation, kind)
    this.#writtenMs = this.nowMs
  }

  get generation(): GenerationId {
    return `g${this.#content}`
  }

  get rotation(): ReadonlySet<string> {
    const { cut, backends } = this.#router
    return (cut === undefined ? undefined : backends.get(cut)) ?? new Set()
  }

  pass(ms: number): void {
    const untilMs = this.nowMs + ms
    while (this.machine.nextDueMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.machine.nextDueMs)
      this.#beacons()
      this.input({ type: 'tick' })
    }
    this.nowMs = untilMs
  }

  #beacons(): void {
    for (const process of this.processes.values()) {
      if (process.state === 'serving') this.say(process.pid, { type: 'beacon', ...VITALS })
    }
  }

  suspend(ms: number): void {
    this.nowMs += ms
  }

  answer(): void {
    const queue = this.#orders.length > 0 && this.random() < 0.5 ? this.#orders : this.#answers
    const index = queue === this.#orders ? 0 : Math.floor(this.random() * queue.length)
    const [run] = queue.splice(index, 1)
    run?.()
  }

  get idle(): boolean {
    return this.#answers.length === 0 && this.#orders.length === 0
  }

  some(state: SimProcess['state']): SimProcess | undefined {
    const candidates = [...this.processes.values()].filter((process) => process.state === state)
    return candidates[Math.floor(this.random() * candidates.length)]
  }

  boot(process: SimProcess | undefined): void {
    if (process === undefined) return
    const kind = this.#kinds.get(process.launch.generation)
    if (kind === 'does not boot') {
      this.say(process.pid, { type: 'failed', failure: { kind: 'import', message: 'broken' } })
      return this.exit(process.pid, { code: 1 })
    }
    process.state = 'serving'
    this.say(process.pid, { type: 'ready', bootMs: 1, entry: 'app' })
  }

  serve(process: SimProcess | undefined): void {
    if (process === undefined) return
    this.say(process.pid, { type: 'beacon', ...VITALS, inFlight: 1, requests: 200 })
  }

  /** It can open nothing more. */
  exhaust(process: SimProcess | SimBackground | undefined): void {
    if (process === undefined) return
    this.say(process.pid, { type: 'beacon', ...VITALS, freeDescriptors: 0 })
  }

  leave(process: SimProcess | undefined): void {
    if (process === undefined) return
    this.say(process.pid, { type: 'leaving', reason: 'signal', inFlight: 0 })
  }

  freeze(process: SimProcess | undefined): void {
    if (process !== undefined) process.state = 'frozen'
  }

  exit(pid: number | undefined, status: { readonly code?: number; readonly signal?: string }): void {
    if (pid === undefined || !this.processes.delete(pid)) return
    this.input({
      type: 'exited',
      pid,
      status: { code: null, signal: null, oom: false, ...status },
      stderr: '',
    })
  }

  say(pid: number, message: WorkerMessage): void {
    this.input({ type: 'message', pid, message })
  }

  set spawnFails(fails: boolean) {
    this.#spawnFails = fails
  }

  loseRouter(): void {
    this.#orders.length = 0
    this.#router = { backends: new Map(), cut: undefined }
    this.input({ type: 'services', online: false })
  }

  regainRouter(): void {
    if (!this.machine.fleet.routing.online) this.input({ type: 'services', online: true })
  }

  #readyCount(): number {
    const { serving } = this.machine.fleet
    return serving === undefined ? 0 : readyWorkers(serving).length
  }

  #stuckNow(): number {
    const { serving, nowMs } = this.machine.fleet
    if (serving === undefined) return 0
    return [...serving.workers].filter(
      (worker) => worker.ending?.kind === 'stuck-loop' && worker.stateSinceMs === nowMs,
    ).length
  }

  /** Number of ready workers that an input itself takes away. */
  #lossOf(input: Input): number {
    if (input.type === 'exited') return 1
    return input.type === 'message' && input.message?.type === 'leaving' ? 1 : 0
  }

  #object(broken: readonly string[]): void {
    if (broken.length > 0) throw new Error(broken.join('; '))
  }

  #objectToStrangers(): void {
    const { workers } = this.machine.fleet
    for (const pid of this.processes.keys())
      if (!workers.has(pid)) throw new Error(`process ${pid} is nobody's`)
    if (this.machine.fleet.state === 'stopping' || this.machine.fleet.state === 'stopped') return
    for (const id of this.rotation)
      if (this.#told.has(id)) throw new Error(`${id} gets requests while it drains`)
  }

  /** Throws when jobs run twice, except beside a process that did not stand by in time. */
  #objectToTwins(): void {
    const names = [...this.background.values(), ...this.orphans]
      .filter(({ works }) => works)
      .map(({ launch }) => launch.name)
    if (new Set(names).size < names.length) throw new Error(`two processes work at once: ${names.join(', ')}`)
    const slots = new Set<number>()
    for (const { active, standbyByMs, launch } of this.processes.values()) {
      if (!active || this.nowMs >= standbyByMs) continue
      if (slots.has(launch.slot)) throw new Error(`two workers ${launch.slot} are active`)
      slots.add(launch.slot)
    }
  }

  get working(): number {
    return [...this.background.values()].filter(({ state }) => state === 'working').length
  }

  someBackground(...states: readonly SimBackground['state'][]): SimBackground | undefined {
    const candidates = [...this.background.values()].filter(({ state }) => states.includes(state))
    return candidates[Math.floor(this.random() * candidates.length)]
  }

  /** The process loads, or begins, as far as its code can. */
  advance(process: SimBackground | undefined): void {
    if (process === undefined) return
    const { pid, launch, state } = process
    const kind = this.#kinds.get(launch.generation)
    const breaks = state === 'preparing' ? 'does not boot' : 'does not begin in the background'
    if (kind === breaks) {
      this.say(pid, { type: 'failed', failure: { kind: 'import', message: 'broken' } })
      return this.exitBackground(process, { code: 4 })
    }
    process.state = state === 'preparing' ? 'prepared' : 'working'
    this.say(
      pid,
      process.state === 'prepared' ? { type: 'ready', bootMs: 1, entry: 'jobs' } : { type: 'begun' },
    )
    if (kind === 'keeps ending in the background' && process.state === 'working')
      this.exitBackground(process, { code: 1 })
  }

  exitBackground(
    process: SimBackground | undefined,
    status: { readonly code?: number; readonly signal?: string },
  ): void {
    if (process === undefined || !this.background.delete(process.pid)) return
    const { pid } = process
    this.input({
      type: 'exited',
      pid,
      status: { code: null, signal: null, oom: false, ...status },
      stderr: '',
    })
  }

  get active(): number {
    return [...this.processes.values()].filter(({ active }) => active).length
  }

  // Effects of the machine on the world.

  wallMs(): number {
    return this.nowMs
  }

  hasFolder(): boolean {
    return true
  }

  readSurroundings(): Surroundings {
    return { env: {}, cwd: '/' }
  }

  rank(pid: number): void {
    if (!this.processes.has(pid)) throw new Error(`${pid} is ranked and does not run`)
  }

  /** Less than a worker. */
  buildBytes(): number {
    return WORKER_BYTES / 2
  }

  footprint(): undefined {
    return undefined
  }

  memory(): MemoryReading {
    const available = this.#roomForWorkers - this.processes.size
    const availableBytes = Math.max(0, available * WORKER_BYTES)
    if (this.#roomForWorkers === Infinity) return { availableBytes }
    const bytes = this.#roomForWorkers * WORKER_BYTES
    return { availableBytes, limit: { bytes, usedBytes: bytes - availableBytes } }
  }

  socketPath(slot: number, incarnation: number): string {
    return `w${slot}.${incarnation}`
  }

  spawn(launch: Launch): number {
    if (this.hasStopped) throw new Error('a process is started after the end')
    if (this.#spawnFails) throw new Error('EAGAIN')
    if (this.#sockets.has(launch.socket)) throw new Error(`${launch.socket} is used twice`)
    this.#sockets.add(launch.socket)
    const pid = this.#nextPid++
    this.processes.set(pid, {
      pid,
      id: launch.socket,
      launch,
      state: 'booting',
      active: false,
      standbyByMs: Infinity,
      order: 0,
    })
    return pid
  }

  spawnBackground(launch: BackgroundLaunch): number {
    if (this.hasStopped) throw new Error('a process is started after the end')
    if (this.#spawnFails) throw new Error('EAGAIN')
    const pid = this.#nextPid++
    this.background.set(pid, { pid, launch, state: 'preparing', works: false })
    return pid
  }

  signal(pid: number, signal: Signal): void {
    const background = this.background.get(pid)
    if (background !== undefined && (signal === 'SIGKILL' || background.state !== 'frozen'))
      this.#later(() => this.exitBackground(background, { signal }))
    const process = this.processes.get(pid)
    if (process === undefined) return
    if (signal === 'SIGKILL' || process.state !== 'frozen') this.#later(() => this.exit(pid, { signal }))
  }

  send(pid: number, message: SupervisorMessage): void {
    const background = this.background.get(pid)
    if (background !== undefined) return this.#tellBackground(background, message)
    const process = this.processes.get(pid)
    if (process === undefined) return
    if (message.type === 'resume') this.#resume(process)
    if (message.type === 'standby') this.#standBy(process, message.order)
    if (message.type !== 'drain') return
    // So short a deadline is given only when the router has not answered for as long as a drain may take.
    if (message.deadlineMs > simSettings.killGraceMs) this.#told.add(process.id)
    if (process.state === 'frozen') return
    process.state = 'draining'
    this.#later(() => this.exit(pid, { code: 0 }))
  }

  #tellBackground(process: SimBackground, message: SupervisorMessage): void {
    if (message.type === 'resume') {
      process.works = true
      if (process.state === 'frozen') return
      if (process.state !== 'prepared')
        throw new Error(`${process.launch.name} begins while ${process.state}`)
      process.state = 'beginning'
    }
    if (message.type !== 'drain' || process.state === 'frozen') return
    process.state = 'leaving'
    this.#later(() => this.exitBackground(process, { code: 0 }))
  }

  #resume(process: SimProcess): void {
    if (process.state === 'booting') throw new Error(`${process.id} is resumed before it is ready`)
    process.active = true
    process.standbyByMs = Infinity
  }

  #standBy(process: SimProcess, order: number): void {
    process.standbyByMs = this.nowMs + STANDBY_TIMEOUT_MS
    process.order = order
    this.#later(() => {
      if (process.state === 'frozen' || !this.processes.has(process.pid)) return
      // Later orders are carried out after this one.
      if (process.order === order && process.standbyByMs !== Infinity) process.active = false
      this.say(process.pid, { type: 'stands-by', order })
    })
  }

  stderrTail(): string {
    return ''
  }

  probe(): void {}

  hasSocket(path: string): boolean {
    return !this.#lost.has(path)
  }

  restore(token: number): void {
    const error = !this.calm && this.random() < 0.2 ? new Error('changed') : undefined
    this.#later(() => this.input({ type: 'restored', token, error }))
  }

  /** Removes the run directory. */
  loseSockets(): void {
    for (const { id } of this.processes.values()) this.#lost.add(id)
  }

  readTree(token: number): void {
    const result = this.#tree()
    this.#later(() => this.input({ type: 'tree-read', token, result }))
  }

  #tree(): TreeState {
    return { generation: this.generation, files: new Map(), newestMs: this.#writtenMs }
  }

  /** The watcher hands over the tree it has read, or only reports a change. */
  wake(): void {
    this.input(this.#content % 2 === 0 ? { type: 'wake', tree: this.#tree() } : { type: 'wake' })
  }

  build(token: number, { generation }: TreeState): void {
    this.#later(() => {
      if (this.#aborted.has(token)) return
      if (!this.calm && this.random() < 0.05)
        return this.input({ type: 'built', token, result: { ok: false, changed: 'app.ts' } })
      const failure = { kind: 'compile', message: 'broken' } as const
      const fails = this.#kinds.get(generation) === 'does not compile'
      this.input({
        type: 'built',
        token,
        result: fails ? { ok: false, failure } : { ok: true, snapshot: this.#snapshotOf(generation) },
      })
    })
  }

  /** Contents of the same kind differ only in data. */
  #snapshotOf(generation: GenerationId): Snapshot {
    const kind = this.#kinds.get(generation)
    return {
      generation,
      folder: `/snapshots/${generation}`,
      changedIn: (now) => (this.#kinds.get(now.generation) === kind ? undefined : 'app.ts'),
    }
  }

  verify(token: number, socket: string): void {
    this.#later(() => {
      if (this.#aborted.has(token)) return
      const process = [...this.processes.values()].find(({ id }) => id === socket)
      const fails = process === undefined || this.#kinds.get(process.launch.generation) === 'is not verified'
      this.input({ type: 'verified', token, reason: fails ? 'not well' : undefined })
    })
  }

  abort(token: number): void {
    this.#aborted.add(token)
  }

  discard({ generation }: { readonly generation: GenerationId }): void {
    for (const { launch } of this.processes.values()) {
      if (launch.generation === generation && !this.#isDismissed(launch.socket)) {
        throw new Error(`the snapshot of ${generation} was discarded in use`)
      }
    }
  }

  #isDismissed(id: string): boolean {
    const worker = [...this.machine.fleet.workers.values()].find((other) => other.id === id)
    return worker === undefined || worker.group.state === 'retiring'
  }

  remember(findings: Findings): void {
    this.findings = findings
    for (const copy of this.#copies) if (copy !== findings.good?.generation) this.#copies.delete(copy)
    if (findings.good !== undefined && !this.#copies.has(findings.good.generation))
      throw new Error(`there is no copy of ${findings.good.generation}`)
  }

  keep(token: number, { generation }: Snapshot): void {
    const { observation, serving } = this.machine.fleet
    if (observation !== undefined)
      throw new Error(`${serving?.generation.id} is kept, and has yet to prove itself`)
    const fails = !this.calm && this.random() < 0.2
    this.#later(() => {
      if (!fails) this.#copies.add(generation)
      this.input({ type: 'kept', token, error: fails ? new Error('ENOSPC') : undefined })
    })
  }

  fetchKept(token: number, generation: GenerationId): void {
    const fails = !this.calm && this.random() < 0.2
    this.#later(() => {
      if (this.#aborted.has(token)) return
      const result = fails ? new Error('EIO') : { ok: true as const, snapshot: this.#snapshotOf(generation) }
      this.input({ type: 'built', token, result })
    })
  }

  prepare(token: number, generation: GenerationId, backends: readonly Backend[]): void {
    this.#order(token, () => this.#router.backends.set(generation, new Set(backends.map(({ id }) => id))))
  }

  cut(token: number, generation: GenerationId): void {
    this.#order(token, () => {
      if (!this.#router.backends.has(generation)) throw new Error(`${generation} was not prepared`)
      const kind = this.#kinds.get(generation)
      if (kind !== 'good' && !FAILS_LATER.has(kind))
        throw new Error(`${generation} was cut over to, and is broken`)
      this.#router.cut = generation
      this.cuts += 1
    })
  }

  /** An order may fail before or after it took effect. */
  #order(token: number, apply: () => void): void {
    if (this.hasStopped) throw new Error('the router is told something after the end')
    const luck = this.calm ? 1 : this.random()
    this.#orders.push(() => {
      if (luck > 0.03) apply()
      this.#objectToStrangers()
      const error = luck < 0.06 ? new Error('connection lost') : undefined
      this.#orders.push(() => this.input({ type: 'routed', token, error }))
    })
  }

  drain(generation: GenerationId): void {
    this.#later(() => this.input({ type: 'drained', generation, abandoned: 0 }))
  }

  stopAccepting(): void {
    this.#later(() => this.input({ type: 'accepting-stopped' }))
    this.#later(() => this.input({ type: 'router-left', abandoned: 0 }))
  }

  observe(token: number): void {
    const previous = { requests: 100, errors: 1 }
    this.#answered += this.random() < 0.05 ? -this.#answered : 100
    const errors = this.random() < 0.2 && !this.calm ? this.#answered * 0.3 : this.#answered * 0.02
    const serving = { requests: this.#answered, errors }
    this.#later(() => this.input({ type: 'observed', token, counts: { serving, previous } }))
  }

  compare(token: number): void {
    const fails = this.random() < 0.3 && !this.calm ? 90 : 2
    const group = { history: 100, requests: 100, failed: fails, requestsBefore: 100, failedBefore: 1 }
    const groups = [{ ...group, refusedBefore: 0 }]
    const comparison = this.random() < 0.1 ? undefined : { kinds: groups, clients: groups }
    this.#later(() => this.input({ type: 'compared', token, comparison }))
  }

  emit(event: ManagerEventBody): void {
    this.events.push(event)
    if (event.type === 'generation-building') this.reloading = true
    if (REPORTED_ENDS.has(event.type)) this.reloading = false
  }

  settle(command: CommandId, _outcome: Outcome): void {
    if (!this.#open.delete(command)) throw new Error(`command ${command} was answered twice`)
  }

  stopped(): void {
    this.hasStopped = true
  }

  #later(run: () => void): void {
    this.#answers.push(run)
  }
}
