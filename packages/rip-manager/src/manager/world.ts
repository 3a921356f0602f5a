import { existsSync, realpathSync } from 'node:fs'
import {
  DEV_ROUTER_LEAVE_MS,
  ROUTER_GRACE_MS,
  ROUTER_LEAVE_MS,
  ROUTING_TIMEOUT_MS,
} from '../contract/defaults.ts'
import type { EventLog } from './event-log.ts'
import type { BackgroundLaunch, Effects, Launch, Outcome } from '../machine/effects.ts'
import type { CommandId, Input } from '../machine/inputs.ts'
import type { Surroundings } from '../machine/generation.ts'
import type { ResolvedOptions } from './resolve-options.ts'
import type {
  ChildProcess,
  MemoryReading,
  Signal,
  Snapshot,
  TreeReadOptions,
  TreeState,
} from '../contract/ports.ts'
import type { Findings } from '../contract/verdict.ts'
import type { ManagerEventBody } from '../contract/events.ts'
import type { Backend, DrainReport, GenerationId } from '../contract/router.ts'
import type { SupervisorMessage } from '@rip/worker/protocol'

export interface WorldHost {
  /** Tells the machine what came of an effect. */
  deliver(input: Input): void
  /** Resolves when no new connection can come. */
  stopAccepting(): Promise<void>
  /** Lets the router finish what it has; resolves with the requests it abandoned. */
  routerLeaves(): Promise<number>
  settle(command: CommandId, outcome: Outcome): void
  stopped(abandoned: number): void
}

/** Variables that differ from worker to worker; see `WorkerEnvironment` of `@rip/worker/protocol`. */
const WORKER_VARIABLES: readonly string[] = [
  'RIP_SOCKET',
  'RIP_WORKER_ID',
  'RIP_GENERATION',
  'RIP_MODE',
  'RIP_CONCURRENCY',
  'RIP_BOOT_TIMEOUT_MS',
  'RIP_SNAPSHOT',
  'RIP_CONTROL',
]

/** Does what the machine decides, with the ports it was given. */
export class World implements Effects {
  readonly #options: ResolvedOptions
  readonly #host: WorldHost
  readonly #events: EventLog
  readonly #children = new Map<number, ChildProcess>()
  /** Builds and verifications under way, by token; probes, by pid. */
  readonly #tasks = new Map<number, AbortController>()
  readonly #probes = new Map<number, AbortController>()
  readonly #drains = new Map<GenerationId, AbortController>()
  /** Folders of releases that were cleared away, each warned of once. */
  readonly #removed = new Set<string>()

  constructor(options: ResolvedOptions, events: EventLog, host: WorldHost) {
    this.#options = options
    this.#events = events
    this.#host = host
  }

  wallMs(): number {
    return this.#options.clock.wallMs()
  }

  readSurroundings(): Surroundings {
    return { env: this.#options.env(), cwd: realFolder(this.#options.root) }
  }

  hasFolder(path: string): boolean {
    return existsSync(path)
  }

  memory(): MemoryReading | undefined {
    return this.#options.memory()
  }

  socketPath(slot: number, incarnation: number): string {
    return this.#options.socketPath(slot, incarnation)
  }

  spawn({ slot, socket, generation, snapshot, surroundings }: Launch): number {
    const { spawner, command } = this.#options
    const env = this.#workerEnv(slot, socket, generation, snapshot, surroundings.env)
    const cwd = this.#folderFor(generation, snapshot, surroundings)
    const spec = { name: `w${slot}`, worker: { slot, generation }, command: command.argv, cwd, env }
    const { account } = this.#options
    const child = spawner.spawn({
      ...spec,
      ...(account && { account }),
      ...(command.explainsOnStdout === true && { explainsOnStdout: true }),
      lateVariables: WORKER_VARIABLES,
    })
    this.#children.set(child.pid, child)
    void child.exited.then((status) => {
      this.#children.delete(child.pid)
      this.#probes.get(child.pid)?.abort()
      this.#options.socketLeft(socket)
      this.#options.bus?.left(child.pid)
      this.#host.deliver({ type: 'exited', pid: child.pid, status, stderr: child.stderrTail() })
    })
    return child.pid
  }

  spawnBackground({ name, generation, snapshot, surroundings }: BackgroundLaunch): number {
    const { spawner, background, account, links, mode } = this.#options
    const { argv, command } = background.find((program) => program.name === name)!
    const { RIP_SNAPSHOT: _snapshot, RIP_SOCKET: _socket, RIP_WORKER_ID: _worker, ...base } = surroundings.env
    const env = {
      ...base,
      RIP_BACKGROUND: name,
      RIP_GENERATION: generation,
      RIP_MODE: mode,
      RIP_CONTROL: links.path,
      ...(command !== undefined && { RIP_BACKGROUND_COMMAND: JSON.stringify(command) }),
      ...(snapshot.folder !== undefined && { RIP_SNAPSHOT: snapshot.folder }),
    }
    const cwd = this.#folderFor(generation, snapshot, surroundings)
    const child = spawner.spawn({ name, command: argv, cwd, env, ...(account && { account }) })
    this.#children.set(child.pid, child)
    this.#note(name, child.pid)
    void child.exited.then((status) => {
      this.#children.delete(child.pid)
      this.#dropNote(name, child.pid)
      this.#options.bus?.left(child.pid)
      this.#host.deliver({ type: 'exited', pid: child.pid, status, stderr: child.stderrTail() })
    })
    return child.pid
  }

  #note(name: string, pid: number): void {
    try {
      this.#options.backgroundLedger?.note(name, pid)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const message = `${name} cannot be noted in the run directory: ${reason}; should this server be killed, the next one does not wait for it to end`
      this.#events.emit({ type: 'warning', message })
    }
  }

  #dropNote(name: string, pid: number): void {
    try {
      this.#options.backgroundLedger?.drop(name, pid)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const message = `the end of ${name} cannot be noted in the run directory: ${reason}; the next server finds out by itself`
      this.#events.emit({ type: 'warning', message })
    }
  }

  /** No process starts in a folder that is gone: code comes from the snapshot, the folder from what is there now. */
  #folderFor(generation: GenerationId, { folder }: Snapshot, { cwd }: Surroundings): string {
    const candidates = [cwd, realFolder(this.#options.root), ...(folder === undefined ? [] : [folder])]
    const found = candidates.find((path) => existsSync(path)) ?? cwd
    if (found === cwd) return cwd
    const message = `${cwd} was removed while ${generation} is served from it: its workers start in ${found}`
    if (!this.#removed.has(cwd)) this.#events.emit({ type: 'warning', message })
    this.#removed.add(cwd)
    return found
  }

  #workerEnv(
    slot: number,
    socket: string,
    generation: GenerationId,
    { folder }: Snapshot,
    base: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>> {
    const { links, mode, machine } = this.#options
    const { RIP_SNAPSHOT: _snapshot, RIP_CONTROL: _control, ...env } = base
    return {
      ...env,
      RIP_SOCKET: socket,
      RIP_WORKER_ID: String(slot),
      RIP_GENERATION: generation,
      RIP_MODE: mode,
      RIP_CONCURRENCY: String(machine.concurrency),
      RIP_BOOT_TIMEOUT_MS: String(machine.bootTimeoutMs),
      ...(folder === undefined ? {} : { RIP_SNAPSHOT: folder }),
      ...(machine.speaksProtocol ? { RIP_CONTROL: links.path } : {}),
    }
  }

  signal(pid: number, signal: Signal): void {
    this.#children.get(pid)?.signal(signal)
  }

  send(pid: number, message: SupervisorMessage): void {
    const { links, bus } = this.#options
    const isFirst = message.type === 'welcome' && bus !== undefined
    links.send(pid, isFirst ? { ...message, bus: bus.place() } : message)
  }

  stderrTail(pid: number): string {
    return this.#children.get(pid)?.stderrTail() ?? ''
  }

  hasSocket(path: string): boolean {
    return this.#options.hasSocket(path)
  }

  restore(token: number, snapshot: Snapshot): void {
    this.#answer(this.#restore(snapshot), (result) => ({
      type: 'restored',
      token,
      error: result instanceof Error ? result : undefined,
    }))
  }

  async #restore({ generation, folder }: Snapshot): Promise<void> {
    const { builder, tree } = this.#options
    if (builder === undefined || folder === undefined || existsSync(folder)) return
    const state = await tree.read({ thorough: true })
    if (state.generation !== generation) throw new Error('its files have changed since')
    const result = await builder.build(state, { signal: new AbortController().signal })
    if (!result.ok)
      throw new Error('failure' in result ? result.failure.message : `${result.changed} was written`)
    if (result.snapshot.generation === generation) return
    builder.discard?.(result.snapshot)
    throw new Error('its files have changed since')
  }

  probe(pid: number, socket: string): void {
    const controller = new AbortController()
    this.#probes.set(pid, controller)
    const answered = Promise.try(() => this.#options.probe(socket, { signal: controller.signal }))
    void answered.then(
      () => this.#host.deliver({ type: 'accepting', pid }),
      // Aborted: the process has gone, which its exit says.
      () => {},
    )
    void answered.finally(() => this.#probes.delete(pid)).catch(() => {})
  }

  readTree(token: number, options: TreeReadOptions): void {
    this.#answer(
      Promise.try(() => this.#options.tree.read(options)),
      (result) => ({ type: 'tree-read', token, result }),
    )
  }

  build(token: number, tree: TreeState): void {
    const { builder } = this.#options
    if (builder === undefined) return
    const signal = this.#beginTask(token)
    this.#answer(
      Promise.try(() => builder.build(tree, { signal })),
      (result) => {
        this.#tasks.delete(token)
        return { type: 'built', token, result }
      },
    )
  }

  verify(token: number, socket: string): void {
    const signal = this.#beginTask(token)
    this.#answer(this.#verifyRepeatedly(socket, signal), (result) => {
      this.#tasks.delete(token)
      return { type: 'verified', token, reason: result instanceof Error ? result.message : result }
    })
  }

  async #verifyRepeatedly(socket: string, signal: AbortSignal): Promise<string | undefined> {
    for (let times = 0; times < this.#options.verifyTimes; times += 1) {
      const reason = await this.#options.verifier?.verify(socket, { signal })
      if (reason !== undefined) return reason
    }
    return undefined
  }

  #beginTask(token: number): AbortSignal {
    const controller = new AbortController()
    this.#tasks.set(token, controller)
    return controller.signal
  }

  abort(token: number): void {
    this.#tasks.get(token)?.abort()
    this.#tasks.delete(token)
  }

  remember(findings: Findings): void {
    try {
      this.#options.verdicts?.write(findings)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const message = `what was found out about releases cannot be kept: ${reason}; a new start does not know it`
      this.#events.emit({ type: 'warning', message })
    }
  }

  keep(token: number, snapshot: Snapshot): void {
    const kept = Promise.try(() => this.#options.verdicts?.keep(snapshot))
    this.#answer(kept, (result) => ({
      type: 'kept',
      token,
      error: result instanceof Error ? result : undefined,
    }))
  }

  fetchKept(token: number, generation: GenerationId): void {
    const signal = this.#beginTask(token)
    const fetched = Promise.try(async () => {
      const { verdicts } = this.#options
      if (verdicts === undefined) throw new Error('no copies are kept')
      return await verdicts.fetch(generation, { signal })
    })
    this.#answer(fetched, (result) => {
      this.#tasks.delete(token)
      return {
        type: 'built',
        token,
        result: result instanceof Error ? result : { ok: true, snapshot: result },
      }
    })
  }

  discard(snapshot: Snapshot): void {
    this.#options.builder?.discard?.(snapshot)
  }

  prepare(token: number, generation: GenerationId, backends: readonly Backend[]): void {
    // The generation is wanted again: its drain is over, and nothing of it was abandoned.
    const drain = this.#drains.get(generation)
    this.#drains.delete(generation)
    drain?.abort()
    this.#routed(token, () => this.#options.router.prepare(generation, backends))
  }

  cut(token: number, generation: GenerationId): void {
    this.#routed(token, () => this.#options.router.cut(generation))
  }

  #routed(token: number, order: () => Promise<void>): void {
    this.#answer(this.#within(ROUTING_TIMEOUT_MS, Promise.try(order)), (result) => ({
      type: 'routed',
      token,
      error: result instanceof Error ? result : undefined,
    }))
  }

  drain(generation: GenerationId, timeoutMs: number): void {
    const controller = new AbortController()
    this.#drains.get(generation)?.abort()
    this.#drains.set(generation, controller)
    const timer = this.#options.clock.after(timeoutMs, () => controller.abort())
    const report = Promise.try(() => this.#options.router.drain(generation, { signal: controller.signal }))
    this.#answer(this.#within(timeoutMs + ROUTER_GRACE_MS, report), (result) => {
      timer[Symbol.dispose]()
      const lasted = this.#drains.get(generation) === controller
      if (lasted) this.#drains.delete(generation)
      return { type: 'drained', generation, abandoned: lasted ? abandonedIn(result) : 0 }
    })
  }

  stopAccepting(): void {
    const { mode, machine } = this.#options
    const longestMs = mode === 'development' ? DEV_ROUTER_LEAVE_MS : ROUTER_LEAVE_MS
    const patienceMs = Math.min(longestMs, machine.stopTimeoutMs / 2)
    const left = this.#routerLeaves(patienceMs)
    this.#answer(this.#within(patienceMs, left), () => ({ type: 'accepting-stopped' }))
    this.#answer(left, (abandoned) => ({
      type: 'router-left',
      abandoned: abandoned instanceof Error ? 0 : abandoned,
    }))
  }

  async #routerLeaves(patienceMs: number): Promise<number> {
    // A router that does not answer is told to leave anyway.
    await this.#within(
      patienceMs,
      Promise.try(() => this.#host.stopAccepting()),
    ).catch(() => {})
    this.#host.deliver({ type: 'doors-closed' })
    return await this.#host.routerLeaves()
  }

  observe(token: number, serving: GenerationId, previous: GenerationId): void {
    const observer = this.#options.observer
    if (observer === undefined) return
    const counts = Promise.try(() => Promise.all([observer.read(serving), observer.read(previous)]))
    this.#answer(counts, (result) => ({
      type: 'observed',
      token,
      counts: result instanceof Error ? undefined : { serving: result[0], previous: result[1] },
    }))
  }

  compare(token: number, previous: GenerationId, forMs: number): void {
    const { observer } = this.#options
    const comparison = Promise.try(() => observer?.compare?.(previous, forMs))
    this.#answer(comparison, (result) => ({
      type: 'compared',
      token,
      comparison: result instanceof Error ? undefined : result,
    }))
  }

  emit(event: ManagerEventBody): void {
    this.#events.emit(event)
  }

  settle(command: CommandId, outcome: Outcome): void {
    this.#host.settle(command, outcome)
  }

  stopped(abandoned: number): void {
    for (const controller of [...this.#tasks.values(), ...this.#drains.values()]) controller.abort()
    this.#host.stopped(abandoned)
  }

  #answer<T>(work: Promise<T>, toInput: (result: T | Error) => Input): void {
    void work.then(
      (result) => this.#host.deliver(toInput(result)),
      (error: unknown) =>
        this.#host.deliver(toInput(error instanceof Error ? error : new Error(String(error)))),
    )
  }

  /** Rejects when there is no answer in time, so that a router that hangs is not awaited for ever. */
  async #within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const late = (): void => reject(new Error(`no answer within ${timeoutMs} ms`))
    using _timer = this.#options.clock.after(timeoutMs, late)
    return await Promise.race([work, promise])
  }
}

function abandonedIn(result: DrainReport | Error): number {
  return result instanceof Error ? 0 : result.abandoned
}

/** Where a symbolic root points to now. For a root that is not there, the root: reading it says so. */
function realFolder(root: string): string {
  try {
    return realpathSync(root)
  } catch {
    // ENOENT
    return root
  }
}
