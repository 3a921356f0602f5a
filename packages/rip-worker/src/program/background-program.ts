import { DEFAULT_DRAIN_TIMEOUT_MS } from '../defaults.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import { setInterval, setTimeout } from '../own-timers.ts'
import type { SupervisorMessage, WorkerMessage } from '../protocol.ts'
import { describeFailure } from '../serve/failure.ts'
import { ApplicationSignals } from './application-signals.ts'
import { BackgroundCommand } from './background-command.ts'
import { BackgroundModule } from './background-module.ts'
import type { BackgroundWork } from './background-work.ts'
import { bootFailureOf, exitCodeOf, formatBootFailure } from './boot-failure.ts'
import { BusMember } from './bus-member.ts'
import type { CLibrary } from './c-library.ts'
import type { InspectionOrder } from './inspector.ts'
import { refuseInspection } from './refuse-inspection.ts'
import { keepApart } from './keep-apart.ts'
import { LoopLag } from './loop-lag.ts'
import { ProcessFigures } from './process-figures.ts'
import type { Settings } from './settings.ts'
import { Supervision } from './supervision.ts'
import type { SupervisorPipe } from './supervisor-pipe.ts'
import { takeUnheardMessages } from './unheard-messages.ts'

/** The life of a background process: prepare, wait for its turn, work, end. Ends with the exit code. */
export class BackgroundProgram {
  readonly #settings: Settings
  readonly #supervision: Supervision
  readonly #exit = Promise.withResolvers<number>()
  readonly #lag = new LoopLag()
  readonly #figures = new ProcessFigures()
  readonly #bus = new BusMember()
  #library: CLibrary | undefined
  #signals: ApplicationSignals | undefined
  #phase: 'preparing' | 'prepared' | 'beginning' | 'working' | 'leaving' = 'preparing'
  #work: BackgroundWork | undefined

  constructor(settings: Settings, pipe: SupervisorPipe | undefined) {
    this.#settings = settings
    this.#supervision = new Supervision({
      pipe,
      onMessage: (message) => this.#obey(message),
      onBeacon: () => this.#sendBeacon(),
      onGone: () => void this.#leave(DEFAULT_DRAIN_TIMEOUT_MS),
    })
  }

  run(): Promise<number> {
    this.#signals = new ApplicationSignals()
    void this.#prepare().catch((error: unknown) => this.#fail(error))
    return this.#ended()
  }

  async #ended(): Promise<number> {
    const code = await this.#exit.promise
    await this.#bus[Symbol.asyncDispose]()
    return code
  }

  /** SIGTERM: a supervisor that got the same signal is about to end this process anyway. */
  askToLeave(): void {
    if (this.#phase !== 'leaving') this.#send({ type: 'leaving', reason: 'signal', inFlight: 0 })
    void this.#leave(DEFAULT_DRAIN_TIMEOUT_MS)
  }

  /** As in any program of Bun and of Node.js, also for a rejection that nothing handles. */
  uncaught(error: unknown): void {
    if (this.#phase === 'working' || this.#phase === 'leaving') {
      console.error(`uncaught exception: ${describeFailure(error)}`)
      return this.#exit.resolve(1)
    }
    void this.#fail(error)
  }

  /** Nothing is left that could make anything happen: the work has come to its end. */
  idle(): void {
    if (this.#phase === 'leaving') return this.#exit.resolve(0)
    if (this.#phase !== 'working') return this.#stay()
    if (this.#work instanceof BackgroundModule && !this.#work.isLoaded) return this.#stay()
    this.#exit.resolve(0)
  }

  /** Code may wait for something that is nothing to the runtime, at its top level for instance. */
  #stay(): void {
    setInterval(() => {}, 1 << 30)
  }

  async #prepare(): Promise<void> {
    if (this.#settings.apart) await this.#keepApart()
    const { control } = this.#settings
    if (control !== undefined) await this.#supervision.connect(control, 0)
    this.#work = await this.#findWork()
    await this.#work.prepare()
    this.#bus.topics.expectSubscribers()
    await this.#bus.meet()
    if (this.#phase !== 'preparing') return
    this.#phase = 'prepared'
    this.#send({ type: 'ready', bootMs: Math.round(performance.now()), entry: process.argv[1] ?? '' })
    if (!this.#supervision.isLinked) await this.#begin()
  }

  /** Runs before any code of the application. */
  async #keepApart(): Promise<void> {
    const { loadCLibrary } = await import('./c-library.ts')
    try {
      keepApart((this.#library = loadCLibrary()))
    } catch {
      // Where the library has another name, as with musl.
    }
  }

  async #findWork(): Promise<BackgroundWork> {
    const { background, snapshot, target = '', generation = '' } = this.#settings
    const { name, command } = background!
    if (command !== undefined)
      return new BackgroundCommand({ name, command, onEnd: (code) => this.#exit.resolve(code) })
    const { findEntry } = await import('../application/find-entry.ts')
    const { file } = findEntry(target, { snapshot })
    process.argv.splice(1, process.argv.length, file)
    takeUnheardMessages()
    const { install } = await import('@rip/transpile/loader')
    install(snapshot === undefined ? { main: file } : { snapshot, main: file })
    return new BackgroundModule({ name, generation, file, snapshot, signals: this.#signals! })
  }

  #obey(message: SupervisorMessage): void {
    if (message.type === 'welcome') return this.#welcome(message)
    if (message.type === 'ping') return this.#sendBeacon()
    if (message.type === 'resume') return void this.#begin().catch((error: unknown) => this.#fail(error))
    if (message.type === 'inspect' || message.type === 'send-part') return void this.#inspect(message)
    if (message.type === 'drain') void this.#leave(message.deadlineMs)
  }

  /** A program that is run by its command is not this process. */
  async #inspect(message: InspectionOrder): Promise<void> {
    const command = this.#settings.background?.command
    if (command === undefined) return this.#supervision.inspect(message)
    refuseInspection(message, command.join(' '), (answer) => this.#send(answer))
  }

  #welcome({ beaconMs, bus }: Extract<SupervisorMessage, { type: 'welcome' }>): void {
    const library = this.#library
    if (bus !== undefined) this.#bus.belongTo(bus, { library, keepsAlive: false })
    this.#supervision.beat(beaconMs)
  }

  async #begin(): Promise<void> {
    if (this.#phase !== 'prepared') return
    this.#phase = 'beginning'
    this.#release()
    await this.#work?.begin()
    if (this.#phase !== 'beginning') return
    this.#phase = 'working'
    this.#send({ type: 'begun' })
  }

  /** From now on only the application keeps the process alive. */
  #release(): void {
    this.#bus.topics.holdProcess(this.#phase !== 'leaving')
    this.#supervision.unref()
  }

  async #leave(deadlineMs: number): Promise<void> {
    if (this.#phase === 'leaving') return
    this.#phase = 'leaving'
    this.#release()
    setTimeout(() => this.#giveUp(deadlineMs), deadlineMs).unref()
    if ((await this.#work?.end(deadlineMs)) !== 'ends-by-itself') this.#exit.resolve(0)
  }

  #giveUp(deadlineMs: number): void {
    console.error(`${this.#settings.background?.name} did not end within ${deadlineMs} ms and is cut off`)
    this.#exit.resolve(1)
  }

  async #fail(cause: unknown): Promise<void> {
    if (this.#phase === 'leaving') return this.#exit.resolve(1)
    this.#phase = 'leaving'
    const file = process.argv[1] ?? ''
    const error =
      cause instanceof WorkerError
        ? cause
        : new WorkerError('RIP_APP_IMPORT', { file, reason: reasonOf(cause) }, { cause })
    const failure = await bootFailureOf(error)
    this.#send({ type: 'failed', failure })
    process.stderr.write(formatBootFailure(failure))
    this.#exit.resolve(exitCodeOf(failure))
  }

  #sendBeacon(): void {
    const requests = { inFlight: 0, webSockets: 0, eventStreams: 0, requests: 0 }
    this.#send({
      type: 'beacon',
      ...requests,
      ...this.#bus.counts,
      ...this.#figures.take(),
      loopLagMs: this.#lag.take(),
    })
  }

  #send(message: WorkerMessage): void {
    this.#supervision.send(message)
  }
}
