import type { Application } from '../application/application.ts'
import { endForks } from '../application/end-forks.ts'
import { loadApplication } from '../application/load-application.ts'
import type { PortAttempt } from '../application/own-port.ts'
import { ServerCapture } from '../application/server-capture.ts'
import {
  ACCEPT_WAITING_MS,
  BOOT_SIGNAL_GRACE_MS,
  CLOSE_HOOK_GRACE_MS,
  DRAIN_POLL_MS,
  LAST_WORDS_MS,
  LATE_LISTEN_MS,
  LATE_LISTEN_RESERVE_MS,
  LEAVE_TIMEOUT_MS,
  ORPHAN_GRACE_MS,
} from '../defaults.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import { OWN_FOLDER } from '../own-folder.ts'
import { setTimeout } from '../own-timers.ts'
import {
  type BootFailure,
  type LeaveReason,
  PROTOCOL_VERSION,
  type SupervisorMessage,
  type UncaughtOrigin,
  type WorkerMessage,
} from '../protocol.ts'
import { describeFailure } from '../serve/failure.ts'
import { createWorker } from '../serve/create-worker.ts'
import type { Worker } from '../serve/worker.ts'
import { ApplicationSignals } from './application-signals.ts'
import { bootFailureOf, exitCodeOf, formatBootFailure } from './boot-failure.ts'
import { giveBackBootPages } from './boot-pages.ts'
import { BusMember } from './bus-member.ts'
import { type CLibrary, loadCLibrary } from './c-library.ts'
import { findServed, isPage } from './find-served.ts'
import { keepApart } from './keep-apart.ts'
import { LoadedTimers } from './loaded-timers.ts'
import { LoopLag } from './loop-lag.ts'
import { ProcessFigures } from './process-figures.ts'
import type { Settings } from './settings.ts'
import { STOP_SIGNALS, type StopSignal } from './stop-signals.ts'
import { answerWhereStuck } from './stuck-stack.ts'
import { Supervision } from './supervision.ts'
import type { SupervisorPipe } from './supervisor-pipe.ts'
import { takeUnheardMessages } from './unheard-messages.ts'

/** How long after readiness; the first beacon, and most of what an application starts late, are over by then. */
const BOOT_PAGES_MS = 2_000

/** After something uncaught was told, others are only written to standard error for so long. */
const UNCAUGHT_PAUSE_MS = 200

export interface Beginnings {
  /** Held open by the supervisor. @default the worker has no supervisor */
  readonly pipe?: SupervisorPipe | undefined
  /** Time of this process at which it had something to do. @default 0 */
  readonly startedMs?: number
}

/** The life of a worker process: boot, serve, leave. Ends with the exit code. */
export class WorkerProgram {
  readonly #settings: Settings
  readonly #startedMs: number
  readonly #exit = Promise.withResolvers<number>()
  readonly #lag = new LoopLag()
  readonly #figures = new ProcessFigures()
  readonly #servers: ServerCapture
  readonly #supervision: Supervision
  readonly #bus = new BusMember()
  /** Whether it waits for the supervisor's word to become active, which the supervisor says in its welcome. */
  readonly #standsBy = Promise.withResolvers<boolean>()
  #phase: 'booting' | 'serving' | 'leaving' | 'draining' = 'booting'
  #worker: Worker | undefined
  /** The timers of an application without hooks, in a supervised worker. */
  #timers: LoadedTimers | undefined
  #hasCloseHook = false
  #library: CLibrary | undefined
  #exitCode = 0
  #entry: string | undefined
  #isLeftByApplication = false
  #applicationSignals: ApplicationSignals | undefined
  #stopSignal: StopSignal = 'SIGTERM'
  #askedToLeave = false
  #tellingUncaught = false
  /** Before the application can change it. */
  readonly #root = process.cwd()

  constructor(settings: Settings, { pipe, startedMs = 0 }: Beginnings = {}) {
    this.#settings = settings
    this.#startedMs = startedMs
    this.#supervision = new Supervision({
      pipe,
      onMessage: (message) => this.#obey(message),
      onBeacon: () => this.#sendBeacon(),
      onGone: () => this.#supervisorGone(),
    })
    this.#servers = new ServerCapture({
      publicUrl: settings.publicUrl ?? urlOf(settings.listen),
      leave: () => this.#leaveForApplication(),
      onLate: (attempt) => this.#tellLate(attempt),
      patienceMs: lateListenMs(settings.bootTimeoutMs),
    })
  }

  run(): Promise<number> {
    this.#applicationSignals = new ApplicationSignals()
    void this.#boot().catch((error: unknown) => this.#failBoot(error))
    return this.#exit.promise
  }

  /** A signal asked for the end; `interrupted` is the exit code if there was nothing to finish yet. */
  stop(signal: StopSignal, interrupted: number): void {
    this.#stopSignal = signal
    if (this.#phase === 'booting') return void this.#abandonBoot(interrupted)
    if (this.#phase === 'serving') void this.#drain()
  }

  /**
   * SIGTERM in a supervised process: asks the supervisor, and goes on serving until it has turned the requests away and
   * says `drain`. The supervisor may have got the same signal, and be about to stop everything in its order.
   */
  askToLeave(): void {
    if (this.#askedToLeave) return
    this.#askedToLeave = true
    if (this.#phase === 'serving') return this.#sendLeaving('signal')
    if (this.#phase === 'booting') setTimeout(() => this.#leaveBoot(), BOOT_SIGNAL_GRACE_MS)
  }

  /** Tells which requests are cut off, before the process ends without finishing. */
  tellCutOff(): void {
    const { inFlight = 0, eventStreams = 0 } = this.#worker?.stats ?? {}
    const count = inFlight + eventStreams
    if (count > 0) console.error(`cut off: ${count === 1 ? '1 request' : `${count} requests`}`)
  }

  /** An uncaught exception: the state of the application is unknown from here on. */
  uncaught(error: unknown): void {
    if (this.#phase === 'booting') return void this.#failBoot(this.#importFailure(error))
    console.error(`uncaught exception: ${describeFailure(error)}`)
    if (this.#settings.mode === 'development') return void this.#tellUncaught('exception', error)
    this.#exitCode = 1
    this.#leave('unhealthy')
  }

  /** A framework that was refused its port may hide the reason and end the process. */
  exiting(): void {
    const { attempt } = this.#servers
    if (this.#phase !== 'booting' || attempt === undefined) return
    const { message } = this.#ownPort(attempt)
    const stack = attempt.stack
      ?.split('\n')
      .filter((line) => !line.includes(OWN_FOLDER))
      .join('\n')
    const failure: BootFailure = { kind: 'own-port', message, ...(stack !== undefined && { stack }) }
    this.#send({ type: 'failed', failure })
    process.stderr.write(formatBootFailure(failure))
    process.exitCode = exitCodeOf(failure)
  }

  unhandledRejection(error: unknown): void {
    console.error(`unhandled rejection: ${describeFailure(error)}`)
    if (this.#settings.mode === 'development') void this.#tellUncaught('rejection', error)
  }

  /** One at a time: a loop that throws would fill the link. */
  async #tellUncaught(origin: UncaughtOrigin, error: unknown): Promise<void> {
    if (!this.#supervision.isLinked || this.#tellingUncaught) return
    this.#tellingUncaught = true
    const { uncaughtFailure } = await import('./uncaught-failure.ts')
    this.#send({ type: 'uncaught', origin, failure: uncaughtFailure(error, this.#root) })
    const again = setTimeout(() => (this.#tellingUncaught = false), UNCAUGHT_PAUSE_MS)
    again.unref()
  }

  async #boot(): Promise<void> {
    this.#keepApart()
    await this.#connect()
    const found = await findServed(this.#settings)
    const entry = (this.#entry = found.file)
    // Applications print it, and frameworks that find it open no port, because they assume a server around them.
    // Without this line, a number inherited from such a server would make every worker the first.
    const { workerId } = this.#settings
    process.env['WORKER_ID'] = String(workerId ?? process.env['WORKER_ID'] ?? 1)
    // As with `bun entry`: programs look for files beside it, and compare it with their own path to see whether to
    // start.
    process.argv.splice(1, process.argv.length, entry)
    takeUnheardMessages()
    await this.#installLoader(entry)
    if (this.#supervision.isLinked) this.#timers = new LoadedTimers(() => this.#isIdleOnStandby())
    const { ready, standby, resume, close, ...application } = await this.#load(entry)
    if (standby !== undefined || resume !== undefined) this.#timers?.[Symbol.dispose]()
    this.#hasCloseHook = close !== undefined
    this.#tellIgnored()
    if (this.#phase !== 'booting') return
    this.#worker = createWorker({
      ...application,
      ...this.#settings,
      static: [...this.#settings.static, ...(found.static ?? [])],
      ...(ready && { onReady: ready }),
      ...(standby && { onStandby: standby }),
      ...(resume && { onResume: resume }),
      ...(close && { onDrain: close }),
      topics: this.#bus.topics,
      standsBy: true,
      onListening: (url, http2) => this.#announce(url, http2),
    })
    await this.#worker.start()
    this.#timers?.settle()
    // A supervisor of another version makes the boot fail, however late it answers.
    const standsBy = await this.#standsBy.promise
    await this.#bus.meet()
    if (this.#phase !== 'booting') return
    this.#phase = 'serving'
    if (!standsBy) this.#resume()
    this.#send({ type: 'ready', bootMs: Math.round(performance.now() - this.#startedMs), entry })
    if (this.#askedToLeave) this.#sendLeaving('signal')
    void endForks(entry, this.#settings.workerId)
    if (this.#supervision.isLinked) this.#settle()
  }

  /** Runs before any code of the application. */
  #keepApart(): void {
    const library = this.#settings.apart ? this.#cLibrary() : undefined
    if (library !== undefined) keepApart(library)
  }

  #cLibrary(): CLibrary | undefined {
    return (this.#library ??= cLibrary())
  }

  /** Does what need not be done before the first request. */
  #settle(): void {
    const library = this.#cLibrary()
    if (library !== undefined) {
      answerWhereStuck(library)
      this.#figures.reserveDescriptors(library)
    }
    setTimeout(() => void this.#endBoot(), BOOT_PAGES_MS)
  }

  async #endBoot(): Promise<void> {
    // What cannot be loaded now may be when it is needed.
    await this.#bus.load().catch(() => {})
    if (this.#library !== undefined) await giveBackBootPages(this.#library)
  }

  async #connect(): Promise<void> {
    const { control, workerId = 1 } = this.#settings
    if (control === undefined) return this.#standsBy.resolve(false)
    await this.#supervision.connect(control, workerId)
  }

  /** A page is no application: the files around it are served. */
  async #load(entry: string): Promise<Application> {
    return isPage(entry) ? {} : await loadApplication(entry, this.#servers)
  }

  async #installLoader(main: string): Promise<void> {
    try {
      const { install } = await import('@rip/transpile/loader')
      const { snapshot } = this.#settings
      install(snapshot === undefined ? { main } : { snapshot, main })
    } catch (cause) {
      throw new WorkerError('RIP_LOADER_FAILED', { reason: reasonOf(cause) }, { cause })
    }
  }

  /** The application has closed its server. */
  async #leaveForApplication(): Promise<void> {
    this.#leave('signal')
    this.#isLeftByApplication = true
    await this.#worker?.closed
    // Lets the message to the supervisor go first, because the application may end the process.
    await Bun.sleep(0)
  }

  #tellLate(attempt: PortAttempt): void {
    console.error(`error: ${this.#ownPort(attempt).message}`)
  }

  #ownPort({ address, beside }: PortAttempt): WorkerError {
    const file = this.#entry ?? process.cwd()
    return new WorkerError('RIP_APP_OWN_PORT', { file, address, beside })
  }

  #tellIgnored(): void {
    const ignored = this.#servers.captured?.ignored ?? []
    if (ignored.length === 0) return
    console.error(
      `warning: ${ignored.join(', ')} of the server that is opened here is not used: the balancer ends TLS (--tls-cert, --tls-key)`,
    )
  }

  #announce(url: string, http2: boolean): void {
    if (!this.#supervision.isLinked) return console.log(`listening ${url}`)
    this.#send({ type: 'listening', socket: url.replace(/^unix:/, ''), http2 })
  }

  #obey(message: SupervisorMessage): void {
    if (message.type === 'welcome') return this.#welcome(message)
    if (message.type === 'ping') return this.#sendBeacon()
    if (message.type === 'resume') return this.#resume()
    if (message.type === 'end-streams') return this.#worker?.endStreams()
    if (message.type === 'standby') return void this.#standBy(message.order)
    if (message.type === 'inspect' || message.type === 'send-part')
      return void this.#supervision.inspect(message)
    if (this.#phase === 'booting') return void this.#abandonBoot(0)
    void this.#drain(message.deadlineMs)
  }

  #resume(): void {
    this.#worker?.resume()
    this.#timers?.wake()
  }

  /**
   * False while a stream is open, a request is in flight or the application's `close` runs, because each may depend on a
   * timer. A worker that has finished is idle until it ends.
   */
  #isIdleOnStandby(): boolean {
    if (this.#worker === undefined || this.#worker.isActive) return false
    if (this.#worker.state === 'closed') return true
    if (this.#worker.state === 'draining' && this.#hasCloseHook) return false
    const { inFlight, webSockets, eventStreams } = this.#worker.stats
    return inFlight + webSockets + eventStreams === 0
  }

  async #standBy(order: number): Promise<void> {
    await this.#worker?.standBy()
    this.#send({ type: 'stands-by', order })
  }

  #welcome({ version, beaconMs, standby, bus }: Extract<SupervisorMessage, { type: 'welcome' }>): void {
    // Among workers that share a user with other instances, the kernel is asked who is at the other end.
    const library = this.#settings.apart ? this.#cLibrary() : undefined
    if (bus !== undefined) this.#bus.belongTo(bus, { library, keepsAlive: true })
    this.#standsBy.resolve(standby === true)
    if (version === PROTOCOL_VERSION) return this.#supervision.beat(beaconMs)
    void this.#failBoot(new WorkerError('RIP_PROTOCOL_VERSION', { theirs: version, ours: PROTOCOL_VERSION }))
  }

  #sendBeacon(): void {
    this.#send({
      type: 'beacon',
      inFlight: this.#worker?.stats.inFlight ?? 0,
      webSockets: this.#worker?.stats.webSockets ?? 0,
      eventStreams: this.#worker?.stats.eventStreams ?? 0,
      requests: this.#worker?.stats.requests ?? 0,
      ...this.#figures.take(),
      loopLagMs: this.#lag.take(),
      ...this.#bus.counts,
    })
  }

  #supervisorGone(): void {
    if (this.#phase === 'booting') return void this.#abandonBoot(0)
    // Both the pipe and the link report this; a second drain does nothing.
    setTimeout(() => void this.#drain(), ORPHAN_GRACE_MS)
  }

  /** Keeps serving until the supervisor has turned the requests away from this worker and says `drain`. */
  #leave(reason: LeaveReason): void {
    if (this.#phase !== 'serving') return
    this.#phase = 'leaving'
    if (!this.#supervision.isLinked) return void this.#drain()
    this.#sendLeaving(reason)
    setTimeout(() => void this.#drain(), LEAVE_TIMEOUT_MS)
  }

  #sendLeaving(reason: LeaveReason): void {
    this.#send({ type: 'leaving', reason, inFlight: this.#worker?.stats.inFlight ?? 0 })
  }

  /** The supervisor has not answered, so the signal was meant for this process. */
  #leaveBoot(): void {
    if (this.#phase === 'booting') void this.#abandonBoot(128 + STOP_SIGNALS.SIGTERM)
  }

  async #drain(timeoutMs?: number): Promise<void> {
    if (this.#phase === 'draining') return
    this.#phase = 'draining'
    await this.#acceptWaiting(timeoutMs)
    const { abandoned = 0 } = (await this.#worker?.close(timeoutMs === undefined ? {} : { timeoutMs })) ?? {}
    await this.#bus[Symbol.asyncDispose]()
    this.#send({ type: 'drained', abandoned })
    if (this.#isLeftByApplication) await Bun.sleep(LAST_WORDS_MS)
    await this.#end(this.#exitCode || this.#drainExitCode(abandoned))
  }

  /**
   * Connections that have not been accepted yet would be cut off when the socket is closed. One turn of the event loop takes
   * all of them, or all descriptors there are.
   */
  async #acceptWaiting(timeoutMs: number = Infinity): Promise<void> {
    const untilMs = performance.now() + Math.min(timeoutMs / 2, ACCEPT_WAITING_MS)
    this.#figures.releaseDescriptors()
    do await Bun.sleep(DRAIN_POLL_MS)
    while (!this.#figures.canOpen && performance.now() < untilMs)
  }

  /** Everything is finished: what the application does at its end cannot harm a request or change the exit code. */
  async #end(code: number): Promise<void> {
    process.on('exit', () => {
      if (code !== 0) process.exitCode = code
    })
    await this.#applicationSignals?.tell(this.#stopSignal, CLOSE_HOOK_GRACE_MS)
    this.#exit.resolve(code)
  }

  /** A supervisor reads the count; without one, only the exit code tells. */
  #drainExitCode(abandoned: number): number {
    return this.#settings.control === undefined && abandoned > 0 ? 1 : 0
  }

  /** Does not wait for code of the application that is still being loaded. */
  async #abandonBoot(exitCode: number): Promise<void> {
    this.#phase = 'draining'
    await this.#worker?.close({ timeoutMs: 0 })
    this.#exit.resolve(exitCode)
  }

  async #failBoot(error: unknown): Promise<void> {
    if (this.#phase !== 'booting') return
    this.#phase = 'draining'
    const failure = await bootFailureOf(error)
    this.#send({ type: 'failed', failure })
    process.stderr.write(formatBootFailure(failure))
    await this.#worker?.close({ timeoutMs: 0 })
    this.#exit.resolve(exitCodeOf(failure))
  }

  #importFailure(cause: unknown): WorkerError {
    const file = this.#settings.target ?? process.cwd()
    return new WorkerError('RIP_APP_IMPORT', { file, reason: reasonOf(cause) }, { cause })
  }

  #send(message: WorkerMessage): void {
    this.#supervision.send(message)
  }
}

/** 10 s with the default boot timeout; a longer one is there for applications that take longer. */
function lateListenMs(bootTimeoutMs: number | undefined): number {
  if (bootTimeoutMs === undefined) return LATE_LISTEN_MS
  return Math.max(Math.min(LATE_LISTEN_MS, bootTimeoutMs / 2), bootTimeoutMs - LATE_LISTEN_RESERVE_MS)
}

/** The address of a worker without a balancer; undefined when it is not known before the worker listens. */
function urlOf(listen: Settings['listen']): string | undefined {
  if (typeof listen === 'string' || 'unix' in listen || !listen.port) return undefined
  const { hostname = 'localhost', port } = listen
  return `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`
}

/** Undefined where the library has another name, as with musl: a stuck loop is ended there without its stack. */
function cLibrary(): CLibrary | undefined {
  try {
    return loadCLibrary()
  } catch {
    return undefined
  }
}
