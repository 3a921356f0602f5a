import { existsSync } from 'node:fs'
import type { SupervisorMessage } from '@rip/worker/protocol'
import type { ManagerEventBody } from '../contract/events.ts'
import type {
  Footprint,
  MemoryReading,
  OomRank,
  Signal,
  Snapshot,
  TreeReadOptions,
  TreeState,
} from '../contract/ports.ts'
import type { Backend, GenerationId } from '../contract/router.ts'
import type { Findings } from '../contract/verdict.ts'
import type { BackgroundLaunch, Effects, Launch, Outcome } from '../machine/effects.ts'
import { messageOf } from '../contract/message-of.ts'
import type { Surroundings } from '../machine/generation.ts'
import type { CommandId, Input } from '../machine/inputs.ts'
import { type Answer, answering } from './answering.ts'
import { ApplicationProcesses } from './application-processes.ts'
import type { EventLog } from './event-log.ts'
import type { ResolvedOptions } from './resolve-options.ts'
import { RouterCalls } from './router-calls.ts'
import { WorkingFolders } from './working-folders.ts'

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

/** Does what the machine decides, with the ports it was given. */
export class World implements Effects {
  readonly #options: ResolvedOptions
  readonly #host: WorldHost
  readonly #events: EventLog
  readonly #answer: Answer
  readonly #folders: WorkingFolders
  readonly #processes: ApplicationProcesses
  readonly #router: RouterCalls
  /** Builds and verifications under way, by token. */
  readonly #tasks = new Map<number, AbortController>()

  constructor(options: ResolvedOptions, events: EventLog, host: WorldHost) {
    const deliver = (input: Input): void => host.deliver(input)
    const warn = (message: string): void => events.emit({ type: 'warning', message })
    this.#options = options
    this.#events = events
    this.#host = host
    this.#answer = answering(deliver)
    this.#folders = new WorkingFolders(options.root, warn)
    this.#processes = new ApplicationProcesses({ options, folders: this.#folders, warn, deliver })
    this.#router = new RouterCalls({
      options,
      answer: this.#answer,
      deliver,
      stopAccepting: () => host.stopAccepting(),
      routerLeaves: () => host.routerLeaves(),
    })
  }

  wallMs(): number {
    return this.#options.clock.wallMs()
  }

  readSurroundings(): Surroundings {
    return { env: this.#options.env(), cwd: this.#folders.present() }
  }

  /** Lets processes start that need not know what there is to serve. */
  prepareProcesses(): void {
    const { builder, workers } = this.#options
    builder?.prepare?.()
    if (workers === 0) return
    try {
      this.#processes.prepare(this.readSurroundings())
    } catch {
      // The environment cannot be read, which the start tells.
    }
  }

  hasFolder(path: string): boolean {
    return existsSync(path)
  }

  memory(): MemoryReading | undefined {
    return this.#options.memory()
  }

  buildBytes(): number {
    return this.#options.builder?.peakBytes ?? 0
  }

  footprint(pid: number): Footprint | undefined {
    return this.#options.footprint(pid)
  }

  socketPath(slot: number, incarnation: number): string {
    return this.#options.socketPath(slot, incarnation)
  }

  spawn(launch: Launch): number {
    return this.#processes.spawn(launch)
  }

  spawnBackground(launch: BackgroundLaunch): number {
    return this.#processes.spawnBackground(launch)
  }

  signal(pid: number, signal: Signal): void {
    this.#processes.signal(pid, signal)
  }

  rank(pid: number, rank: OomRank): void {
    this.#processes.rank(pid, rank)
  }

  stderrTail(pid: number): string {
    return this.#processes.stderrTail(pid)
  }

  probe(pid: number, socket: string): void {
    this.#processes.probe(pid, socket)
  }

  send(pid: number, message: SupervisorMessage): void {
    const { links, bus } = this.#options
    const isFirst = message.type === 'welcome' && bus !== undefined
    links.send(pid, isFirst ? { ...message, bus: bus.place() } : message)
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
      const message = `what was found out about releases cannot be kept: ${messageOf(error)}; a new start does not know it`
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
    this.#router.prepare(token, generation, backends)
  }

  cut(token: number, generation: GenerationId): void {
    this.#router.cut(token, generation)
  }

  drain(generation: GenerationId, timeoutMs: number): void {
    this.#router.drain(generation, timeoutMs)
  }

  stopAccepting(): void {
    this.#router.stopAccepting()
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
    for (const controller of this.#tasks.values()) controller.abort()
    this.#router.abort()
    this.#host.stopped(abandoned)
  }
}
