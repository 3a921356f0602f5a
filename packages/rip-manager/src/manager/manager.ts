import { ManagerError } from '../contract/errors.ts'
import { CrashHistory } from './crash-history.ts'
import { EventLog } from './event-log.ts'
import { Inspections } from './inspections.ts'
import type { CommandId, Input } from '../machine/inputs.ts'
import { findBackground } from '../machine/background-post.ts'
import { Machine } from '../machine/machine.ts'
import { isStopping } from '../machine/life.ts'
import type { Outcome } from '../machine/effects.ts'
import type {
  CommandOptions,
  Finding,
  Look,
  Manager,
  ReloadOptions,
  ReloadResult,
  RestartOptions,
  RollbackOptions,
  StopOptions,
} from '../contract/manager-api.ts'
import type { DrainReport } from '../contract/router.ts'
import type { LiveOptions, ManagerOptions } from '../contract/options.ts'
import { changedMachine, mustBeWorkers, type ResolvedOptions, resolveOptions } from './resolve-options.ts'
import { Services } from './services.ts'
import type { Configuration, ManagerStatus } from '../contract/status.ts'
import type { ManagerEvent, ManagerEventBody } from '../contract/events.ts'
import { statusOf } from './status-of.ts'
import { World } from './world.ts'
import { messageOf } from '../contract/message-of.ts'

/** Supervises one application; nothing happens before `start()`. @throws ManagerError `OPTION_INVALID` */
export function createManager(options: ManagerOptions): Manager {
  return new AppManager(options, resolveOptions(options))
}

type CommandInput = Extract<Input, { readonly command: CommandId }>
type CommandBody = CommandInput extends infer I
  ? I extends CommandInput
    ? Omit<I, 'command'>
    : never
  : never

class AppManager implements Manager {
  readonly #given: ManagerOptions
  readonly #options: ResolvedOptions
  #configuration: ManagerStatus['configuration']
  #isFailing = false
  readonly #events: EventLog
  readonly #machine: Machine
  readonly #world: World
  readonly #services: Services
  readonly #inspections: Inspections
  readonly #crashes = new CrashHistory()
  readonly #backgroundCrashes = new Map<string, CrashHistory>()
  readonly #commands = new Map<CommandId, (outcome: Outcome) => void>()
  readonly #stopped = Promise.withResolvers<number>()
  #nextCommand = 1
  #timer: Disposable | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<DrainReport> | undefined
  #now = false

  constructor(given: ManagerOptions, options: ResolvedOptions) {
    this.#given = given
    this.#options = options
    const { clock, random, workers, watcher, standsBy, verdicts, background } = options
    this.#events = new EventLog(() => clock.wallMs())
    this.#events.on('worker-exited', (event) => this.#crashes.note(event))
    this.#events.on('background-exited', (event) => this.#noteBackground(event))
    this.#world = new World(options, this.#events, {
      deliver: (input) => this.#deliver(input),
      stopAccepting: () => this.#options.stopAccepting(),
      routerLeaves: () => this.#services.leave(),
      settle: (command, outcome) => this.#settle(command, outcome),
      stopped: (abandoned) => this.#stopped.resolve(abandoned),
    })
    this.#machine = new Machine({
      config: options.machine,
      effects: this.#world,
      random,
      workers,
      watching: watcher !== undefined,
      activates: !standsBy,
      background: background.map(({ name, command }) => ({ name, isUnfrozen: command !== undefined })),
      backgroundIsFree: false,
      findings: verdicts?.read(),
      nowMs: clock.nowMs(),
    })
    this.#inspections = new Inspections({
      clock,
      send: (pid, message) => options.links.send(pid, message),
      expectSilence: (pid, forMs) => this.#deliver({ type: 'silence', pid, forMs }),
    })
    this.#services = new Services({
      options,
      events: this.#events,
      onChange: (online) => this.#deliver({ type: 'services', online }),
    })
  }

  async inspect(pid: number, look: Look, options: { readonly signal?: AbortSignal } = {}): Promise<Finding> {
    const { fleet } = this.#machine
    if (!fleet.workers.has(pid) && findBackground(fleet, pid) === undefined)
      throw new ManagerError('NOT_INSPECTED', { pid, reason: 'it is no process of the application' })
    return await this.#inspections.look(pid, look, options.signal)
  }

  start(): Promise<void> {
    return (this.#starting ??= this.#start())
  }

  async #start(): Promise<void> {
    this.#mustNotClose()
    const { links, watcher, root } = this.#options
    links.onMessage((pid, message) => {
      if (!this.#inspections.take(pid, message)) this.#deliver({ type: 'message', pid, message })
    })
    await links.start()
    this.#mustNotClose()
    // Meanwhile the folder is looked through, which takes a while.
    this.#world.prepareProcesses()
    const services = this.#services.start()
    services.catch(() => {})
    await watcher?.start(root, (tree) => this.#deliver({ type: 'wake', ...(tree && { tree }) }))
    this.#mustNotClose()
    if (!this.#options.standsBy) void this.#freeBackground()
    const [outcome] = await Promise.all([this.#command({ type: 'start' }), services])
    const { refusal } = refusalIn(outcome)
    if (refusal === undefined) return
    if (refusal.code === 'stopping') throw new ManagerError('STOPPING', { command: 'start' })
    throw new ManagerError('BOOT_REFUSED', { refusal })
  }

  #mustNotClose(): void {
    if (this.#closing !== undefined) throw new ManagerError('STOPPING', { command: 'start' })
  }

  get status(): ManagerStatus {
    const { name, root, clock } = this.#options
    const wallMs = clock.wallMs()
    const crashes = this.#crashes.read(wallMs)
    // A worker that is stuck sends nothing that would move the time on.
    const fleet = { ...this.#machine.fleet, nowMs: clock.nowMs() }
    const backgroundCrashes = (name: string) => this.#backgroundCrashes.get(name)?.read(wallMs)
    const { absences } = this.#services
    const status = statusOf(fleet, { name, root, wallMs, absences, crashes, backgroundCrashes })
    return this.#configuration === undefined ? status : { ...status, configuration: this.#configuration }
  }

  reload(options: ReloadOptions = {}): Promise<ReloadResult> {
    const { reason = 'reload', force = false, wait = false } = options
    return this.#change({ type: 'reload', reason, force, wait }, options)
  }

  async restart(options: RestartOptions = {}): Promise<ReloadResult> {
    const { reason = 'restart', background } = options
    if (background === undefined) return await this.#change({ type: 'restart', reason }, options)
    const names = this.#options.background.map(({ name }) => name)
    if (!names.includes(background)) throw new ManagerError('NO_BACKGROUND', { name: background, names })
    return await this.#change({ type: 'restart', reason, background }, options)
  }

  rollback(options: RollbackOptions = {}): Promise<ReloadResult> {
    const { reason = 'no reason given', force = false } = options
    return this.#change({ type: 'rollback', reason, force }, options)
  }

  async scale(workers: number): Promise<void> {
    mustBeWorkers(workers)
    if (this.#options.workers === 0) throw new ManagerError('NO_WORKERS', { wanted: workers })
    await this.#command({ type: 'scale', workers })
  }

  configure(live: LiveOptions): void {
    const config = changedMachine(this.#given, live)
    this.#options.machine = config
    this.#deliver({ type: 'configure', config })
  }

  tellConfiguration({ applied, pending, values }: Configuration): void {
    this.#configuration = { values, pending }
    if (applied.length > 0 || pending.length > 0) this.#events.emit({ type: 'configured', applied, pending })
  }

  tellFailing(reasons: readonly string[]): void {
    const isFailing = reasons.length > 0
    if (isFailing === this.#isFailing) return
    this.#isFailing = isFailing
    this.#events.emit(
      isFailing
        ? { type: 'health', health: 'failing', reasons }
        : { type: 'health', health: this.status.health },
    )
  }

  tellCertificate(
    event: Extract<ManagerEventBody, { type: 'certificate-refused' | 'certificate-replaced' }>,
  ): void {
    this.#events.emit(event)
  }

  warn(message: string): void {
    this.#events.emit({ type: 'warning', message })
  }

  hold(): void {
    this.#mustNotStop('hold')
    this.#deliver({ type: 'hold' })
  }

  resume(): void {
    this.#mustNotStop('resume')
    this.#deliver({ type: 'resume' })
  }

  activate(): void {
    this.#deliver({ type: 'activate' })
    void this.#freeBackground()
  }

  /** What a manager that was killed has left must have ended before the same begins here. */
  async #freeBackground(): Promise<void> {
    const { backgroundLedger, machine } = this.#options
    const { drainTimeoutMs } = machine
    try {
      await backgroundLedger?.clear({ drainTimeoutMs })
    } catch (error) {
      const reason = messageOf(error)
      this.warn(
        `it is not known whether background processes of an earlier start have ended: ${reason}; they may work beside those of this one`,
      )
    }
    this.#deliver({ type: 'background-free' })
  }

  #noteBackground(event: Extract<ManagerEvent, { type: 'background-exited' }>): void {
    const history = this.#backgroundCrashes.get(event.name) ?? new CrashHistory()
    this.#backgroundCrashes.set(event.name, history)
    history.note({ ...event, slot: 0 })
  }

  #mustNotStop(command: string): void {
    if (isStopping(this.#machine.fleet)) throw new ManagerError('STOPPING', { command })
  }

  on<T extends ManagerEventBody['type']>(
    type: T,
    listener: (event: Extract<ManagerEvent, { type: T }>) => void,
  ): Disposable {
    return this.#events.on(type, listener)
  }

  events(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<ManagerEvent> {
    return this.#events.read(options.signal)
  }

  close(options: StopOptions = {}): Promise<DrainReport> {
    this.#now ||= options.now === true
    this.#closing ??= this.#close()
    this.#deliver({ type: 'stop', now: this.#now, delay: options.delay ?? true })
    if (this.#now) void this.#stopped.promise.then(() => this.#services.kill())
    return this.#closing
  }

  async #close(): Promise<DrainReport> {
    const { links, watcher } = this.#options
    const abandoned = await this.#stopped.promise
    this.#timer?.[Symbol.dispose]()
    await watcher?.close()
    await this.#services.close()
    await links.close()
    this.#events.close()
    return { abandoned }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #change(body: CommandBody, { signal }: CommandOptions): Promise<ReloadResult> {
    const outcome = await this.#command(body, signal)
    if ('result' in outcome) return outcome.result
    throw new Error('a change ended without a result')
  }

  /** Rejects with `ManagerError`, or with the signal's reason once it aborts. */
  async #command(body: CommandBody, signal?: AbortSignal): Promise<Outcome> {
    signal?.throwIfAborted()
    const command = this.#nextCommand++
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    const onAbort = (): void => {
      this.#commands.delete(command)
      this.#deliver({ type: 'cancel', command })
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#commands.set(command, (outcome) => {
      if ('error' in outcome) reject(outcome.error)
      else resolve(outcome)
    })
    this.#deliver({ ...body, command })
    return await promise.finally(() => signal?.removeEventListener('abort', onAbort))
  }

  #settle(command: CommandId, outcome: Outcome): void {
    const settle = this.#commands.get(command)
    this.#commands.delete(command)
    settle?.(outcome)
  }

  #deliver(input: Input): void {
    const { clock } = this.#options
    this.#machine.handle(input, clock.nowMs())
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (this.#machine.fleet.state === 'idle' || this.#machine.fleet.state === 'stopped') return
    const delayMs = Math.max(0, this.#machine.nextDueMs - clock.nowMs())
    this.#timer = clock.after(delayMs, () => this.#deliver({ type: 'tick' }))
  }
}

function refusalIn(outcome: Outcome): { readonly refusal?: Extract<ReloadResult, { ok: false }>['refusal'] } {
  return 'result' in outcome && !outcome.result.ok ? { refusal: outcome.result.refusal } : {}
}
