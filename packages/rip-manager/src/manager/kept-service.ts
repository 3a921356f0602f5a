import * as defaults from '../contract/defaults.ts'
import { ManagerError } from '../contract/errors.ts'
import type { ChildProcess, ExitStatus, Service } from '../contract/ports.ts'
import { CrashBudget } from '../machine/crash-budget.ts'
import { messageOf } from '../contract/message-of.ts'
import type { EventLog } from './event-log.ts'
import type { ResolvedOptions } from './resolve-options.ts'

export interface KeptServiceHost {
  readonly options: ResolvedOptions
  readonly events: EventLog
}

/** Keeps one process beside the workers alive: a new one follows when it ends, or stands still. */
export class KeptService {
  readonly #service: Service
  readonly #host: KeptServiceHost
  readonly #onChange: () => void
  readonly #budget: CrashBudget
  readonly #closing = new AbortController()
  #child: ChildProcess | undefined
  #running: Promise<void> | undefined
  #leaving: Promise<number> | undefined
  #everReady = false
  /** It was told to leave, and ended without a report about its requests. */
  #wasKilled = false
  /** Whether requests come by it. */
  readonly isRouter: boolean
  /** It does its work. */
  online = false
  /** How the last process ended, and when the next one starts by the clock; undefined before. */
  #lastExit: { readonly status: string; readonly nextStartMs: number } | undefined

  constructor(service: Service, host: KeptServiceHost, onChange: () => void) {
    this.#service = service
    this.isRouter = service.isRouter ?? false
    this.#host = host
    this.#onChange = onChange
    this.#budget = new CrashBudget(host.options.machine.crash, host.options.random)
  }

  /** Why it does not do its work; `undefined` when it does, or has not begun to. */
  get absence(): string | undefined {
    if (this.online || this.#lastExit === undefined) return undefined
    const { status, nextStartMs } = this.#lastExit
    const what = `the ${this.#service.name} has ended (${status})`
    const waitMs = nextStartMs - this.#nowMs()
    if (waitMs <= 0) return `${what}, and the next one is not ready yet`
    return `${what}; the next one starts in ${Math.ceil(waitMs / 1_000)} s`
  }

  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#running = this.#keep(resolve, reject)
    await promise
  }

  /** One turn per process, until closed or until the first start has failed for good. */
  async #keep(onReady: () => void, onFailure: (error: Error) => void): Promise<void> {
    for (let attempt = 1; !this.#closing.signal.aborted; attempt += 1) {
      const { status, stderr } = await this.#run(onReady)
      if (this.#closing.signal.aborted) break
      if (!this.#everReady && attempt >= defaults.SERVICE_START_ATTEMPTS) {
        return onFailure(new ManagerError('SERVICE_FAILED', { service: this.#service.name, status, stderr }))
      }
      const respawnInMs = this.#budget.crash(this.#nowMs())
      this.#lastExit = { status, nextStartMs: this.#nowMs() + respawnInMs }
      this.#host.events.emit({ type: 'service-exited', service: this.#service.name, status, respawnInMs })
      await this.#sleep(respawnInMs)
    }
    onFailure(new ManagerError('STOPPING', { command: `start ${this.#service.name}` }))
  }

  async #run(onReady: () => void): Promise<{ readonly status: string; readonly stderr: string }> {
    try {
      this.#child = this.#host.options.spawner.spawn(this.#service.spec())
    } catch (error) {
      return { status: messageOf(error), stderr: '' }
    }
    const child = this.#child
    const sinceMs = this.#nowMs()
    void this.#awaitReady(child, onReady)
    const status = await child.exited
    this.#child = undefined
    this.#wasKilled = this.#leaving !== undefined && status.signal === 'SIGKILL'
    if (this.#nowMs() - sinceMs >= this.#host.options.machine.crash.stableMs) this.#budget.recover()
    this.#setOnline(false)
    return { status: statusText(status), stderr: child.stderrTail() }
  }

  /** A process that does not get ready in time is ended, which starts the next one. */
  async #awaitReady(child: ChildProcess, onReady: () => void): Promise<void> {
    const giveUp = new AbortController()
    void child.exited.then(() => giveUp.abort())
    const { clock } = this.#host.options
    using _timer = clock.after(defaults.SERVICE_READY_TIMEOUT_MS, () => giveUp.abort())
    const signal = AbortSignal.any([giveUp.signal, this.#closing.signal])
    try {
      await this.#service.ready({ signal })
      await this.#service.onReady?.()
      if (this.#child !== child || signal.aborted) return
      this.#everReady = true
      this.#host.events.emit({ type: 'service-ready', service: this.#service.name, pid: child.pid })
      this.#setOnline(true)
      onReady()
      void this.#watch(child)
    } catch (error) {
      if (this.#child !== child || this.#closing.signal.aborted) return
      const message = messageOf(error)
      this.#host.events.emit({ type: 'warning', message: `${this.#service.name} is not ready: ${message}` })
      child.signal('SIGKILL')
    }
  }

  /** A process that stands still is as bad as a dead one, and only its silence shows. */
  async #watch(child: ChildProcess): Promise<void> {
    const { stuckAfterMs } = this.#host.options.machine
    let heardMs = this.#nowMs()
    let turnMs = heardMs
    while (this.#service.alive !== undefined) {
      await this.#sleep(defaults.SERVICE_ALIVE_MS)
      if (this.#child !== child || this.#closing.signal.aborted) return
      const answered = await this.#answers()
      const nowMs = this.#nowMs()
      const weStoodStill = nowMs - turnMs >= 2 * defaults.SERVICE_ALIVE_MS + defaults.SUSPEND_GAP_MS
      turnMs = nowMs
      if (answered || weStoodStill) heardMs = nowMs
      if (nowMs - heardMs >= stuckAfterMs) return this.#replaceStuck(child, nowMs - heardMs)
    }
  }

  /** That we can ask nobody says nothing about it. */
  async #answers(): Promise<boolean> {
    const giveUp = new AbortController()
    using _timer = this.#host.options.clock.after(defaults.SERVICE_ALIVE_MS, () => giveUp.abort())
    try {
      await this.#service.alive?.({ signal: giveUp.signal })
      return true
    } catch (error) {
      // Silent, or about to end, which `exited` says.
      return isOwnLack(error)
    }
  }

  #replaceStuck(child: ChildProcess, silentMs: number): void {
    if (this.#child !== child || this.#closing.signal.aborted) return
    const silentS = Math.round(silentMs / 1_000)
    const message = `${this.#service.name} has not answered for ${silentS} s: it is killed and replaced`
    this.#host.events.emit({ type: 'warning', message })
    child.signal('SIGKILL')
  }

  #setOnline(online: boolean): void {
    this.online = online
    this.#onChange()
  }

  #nowMs(): number {
    return this.#host.options.clock.nowMs()
  }

  async #sleep(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    using _timer = this.#host.options.clock.after(delayMs, resolve)
    this.#closing.signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
  }

  /** Asks the process to finish what it has; resolves, when it is gone, with the requests it abandoned. */
  leave(): Promise<number> {
    return (this.#leaving ??= this.#leave())
  }

  async #leave(): Promise<number> {
    const { clock } = this.#host.options
    this.#closing.abort()
    const ordered = this.#order()
    using _timer = clock.after(this.#patienceMs(), () => this.#giveUp())
    await this.#running
    const answered = await this.#soon(ordered)
    return answered ?? (this.isRouter && this.#wasKilled ? 1 : 0)
  }

  /** An answer of a process that has gone arrives soon, or never. */
  async #soon<T>(answer: Promise<T>): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    using _timer = this.#host.options.clock.after(defaults.SERVICE_LAST_WORD_MS, () => resolve(undefined))
    return await Promise.race([answer, promise])
  }

  /** Tells the process to leave. Resolves with the requests it abandoned; undefined when it does not say. */
  async #order(): Promise<number | undefined> {
    if (this.#service.leave === undefined || this.#child === undefined) {
      this.#tellToLeave()
      return undefined
    }
    const left = await this.#service.leave().catch(() => undefined)
    this.#tellToLeave()
    return left?.abandoned
  }

  #tellToLeave(): void {
    if (this.#service.leavesBy === 'end-of-input') this.#child?.endInput()
    else this.#child?.signal('SIGTERM')
  }

  /** The router abandons by itself what does not finish in time, and knows how much that was. */
  #patienceMs(): number {
    const { drainTimeoutMs } = this.#host.options.machine
    return defaults.SERVICE_STOP_GRACE_MS + (this.isRouter ? drainTimeoutMs : 0)
  }

  #giveUp(): void {
    const message = `${this.#service.name} did not leave when it was told to: it is killed`
    this.#host.events.emit({ type: 'warning', message })
    this.kill()
  }

  kill(): void {
    this.#closing.abort()
    this.#child?.signal('SIGKILL')
  }
}

function statusText({ code, signal }: ExitStatus): string {
  return signal === null ? `exit code ${code}` : signal
}

const LACKS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

/** Whether we have nothing to open a connection with. */
function isOwnLack(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && LACKS.has(error.code)) || isOwnLack(error.cause)
}
