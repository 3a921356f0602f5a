import { reasonOf } from '../errors.ts'
import { CLOSE_ANSWER_MS, DEFAULT_BEACON_MS, EARLY_END_MS, ORPHAN_GRACE_MS } from '../defaults.ts'
import { type BootFailure, STUCK_HEADING, type SupervisorMessage, type WorkerMessage } from '../protocol.ts'
import { LoopLag } from '../program/loop-lag.ts'
import { refuseInspection } from '../program/refuse-inspection.ts'
import { Supervision } from '../program/supervision.ts'
import type { SupervisorPipe } from '../program/supervisor-pipe.ts'
import { commandEnvironment } from './command-environment.ts'
import { CommandNotFound, CommandProcesses } from './command-processes.ts'
import { freeDescriptors } from './free-descriptors.ts'
import { freePort } from './free-port.ts'
import { listeningPorts } from './listening-ports.ts'
import { PortBridge } from './port-bridge.ts'
import { type Figures, PreloadLink, type ServedServer } from './preload-link.ts'
import { type Reached, ServerSearch } from './server-search.ts'

/** Added to the path of the worker's socket. */
export const LINK_SUFFIX = '.cmd'

const POLL_MS = 20
/** Of the time to drain, this much is left to programs that were sent TERM. */
const TERM_MS = 1_000
/** How long a command whose supervisor has died may take to finish. */
const ORPHAN_DRAIN_MS = 10_000

/** The programs of a command have no part in what workers publish. */
const NOTHING_PUBLISHED = { published: 0, delivered: 0, dropped: 0 } as const

const EXIT_NOT_LOADED = 4
const EXIT_BOOT_FAILED = 3
/** Of a shell that did not find the program. */
const NOT_FOUND_CODE = 127

export interface CommandProgramOptions {
  /** Program and arguments. */
  readonly argv: readonly [string, ...string[]]
  /** The command as the user wrote it. */
  readonly text: string
  /** Path of `preload/main.cjs`. */
  readonly preload: string
  readonly socket: string
  /** Path of the supervisor's control socket; absent without a supervisor. */
  readonly control: string | undefined
  readonly workerId: number
  readonly isDevelopment: boolean
  readonly bootTimeoutMs: number
  readonly env: Readonly<Record<string, string | undefined>>
  /** Held open by the supervisor. */
  readonly pipe: SupervisorPipe | undefined
}

/**
 * The worker process beside a command: starts it, finds out when it serves, speaks for it with the supervisor, and ends
 * every process of it.
 */
export class CommandProgram {
  readonly #options: CommandProgramOptions
  readonly #exit = Promise.withResolvers<number>()
  readonly #supervision: Supervision
  readonly #lag = new LoopLag()
  readonly #processes = new CommandProcesses()
  readonly #startedMs = performance.now()
  #phase: 'starting' | 'serving' | 'ending' = 'starting'
  #link: PreloadLink | undefined
  #bridge: PortBridge | undefined
  #child: Bun.Subprocess | undefined
  #search: ServerSearch | undefined
  /** Figures that came after the order to drain. */
  #isHeard = false
  #beaconMs = DEFAULT_BEACON_MS

  constructor(options: CommandProgramOptions) {
    this.#options = options
    this.#supervision = new Supervision({
      pipe: options.pipe,
      onMessage: (message) => this.#obey(message),
      onBeacon: () => this.#isSpokenFor() || this.#sendBeacon(),
      onGone: () => this.#supervisorGone(),
    })
  }

  run(): Promise<number> {
    void this.#boot().catch((error: unknown) => this.#failBoot(failureOf(error)))
    return this.#exit.promise
  }

  /** SIGTERM: the supervisor decides when a worker that serves leaves. */
  askToLeave(): void {
    if (this.#phase === 'serving') this.#send({ type: 'leaving', reason: 'signal', inFlight: 0 })
    if (this.#phase === 'starting') void this.#abandon()
  }

  /** The supervisor has not heard of it for too long. */
  tellStuck(): void {
    const pid = this.#search?.served?.pid
    const which = pid === undefined ? '' : `: process ${pid}`
    process.stderr.write(`${STUCK_HEADING}\n    in ${this.#options.text}${which}\n`)
    this.#processes.kill()
    process.kill(process.pid, 'SIGKILL')
  }

  async #boot(): Promise<void> {
    const { control, workerId, socket, preload, env, argv, text, bootTimeoutMs } = this.#options
    if (control !== undefined) await this.#supervision.connect(control, workerId)
    const port = await freePort()
    if (this.#isEnding()) return
    const link = `${socket}${LINK_SUFFIX}`
    const search = (this.#search = new ServerSearch({
      text,
      socket,
      port,
      bootTimeoutMs,
      startedMs: this.#startedMs,
      processes: this.#processes,
      tell: (sentence) => this.#print(sentence),
    }))
    this.#link = new PreloadLink(link, {
      onServes: (server) => this.#onServes(search, server),
      onLeaves: (other) => search.foundElsewhere(other),
      onFigures: () => this.#onFigures(),
    })
    this.#link.beat(this.#beaconMs)
    this.#child = this.#processes.start(argv, commandEnvironment(env, { socket, link, port, preload }))
    void this.#child.exited.then(() => this.#onExit())
    const reached = await search.reach(() => this.#phase !== 'starting')
    if (reached === undefined) return
    if (reached.by === 'port') this.#bridge = await PortBridge.open(socket, { port, host: reached.host })
    if (this.#isEnding()) return
    this.#phase = 'serving'
    this.#announce(reached, port)
    const bootMs = Math.round(performance.now() - this.#startedMs)
    this.#send({ type: 'ready', bootMs, entry: text })
  }

  #onServes(search: ServerSearch, server: ServedServer): void {
    const before = search.served
    search.found(server)
    // A tool may close its server and open it again, or find a better one late.
    if (this.#phase === 'serving' && before?.port !== server.port) this.#tellTaken(server)
  }

  #announce(reached: Reached, port: number): void {
    const served = this.#search?.served
    if (reached.by === 'preload' && served !== undefined) return this.#tellTaken(served)
    if (reached.by !== 'port') return
    const isPublic = listeningPorts(this.#processes.living()).some(
      (each) => each.port === port && each.isPublic,
    )
    if (!isPublic) return
    this.#print(
      `port ${port} of "${this.#options.text}" is open to the network, around the balancer: have it listen on 127.0.0.1`,
    )
  }

  /** Silent about what is as it was agreed. */
  #tellTaken({ port, isAssigned }: ServedServer): void {
    if (isAssigned || port === undefined) return
    this.#print(`serves the HTTP server that asked for port ${port} (PORT was not used)`)
  }

  #onExit(): void {
    if (this.#phase === 'ending') return
    const { exitCode, signalCode } = this.#child!
    const how = signalCode === null ? `with code ${exitCode}` : `by ${signalCode}`
    const { text, workerId } = this.#options
    if (this.#phase === 'starting') {
      if (exitCode === NOT_FOUND_CODE)
        return void this.#failBoot({ kind: 'not-found', message: `"${text}" was not found (code 127)` })
      const hint = exitCode === 0 ? ': a command has to stay in the foreground' : secondHint(workerId)
      return void this.#failBoot({
        kind: 'command',
        message: `"${text}" ended ${how} before it served${hint}`,
      })
    }
    this.#print(`"${text}" ended ${how}`)
    void this.#end(signalCode ?? exitCode ?? 1)
  }

  #obey(message: SupervisorMessage): void {
    switch (message.type) {
      case 'welcome':
        return this.#beat(message.beaconMs)
      case 'standby':
        // What a command runs once is not known here.
        return this.#send({ type: 'stands-by', order: message.order })
      case 'resume':
        return
      case 'end-streams':
        return this.#link?.tell({ type: 'end-streams', answerMs: this.#answerMs })
      case 'drain':
        return void this.#drain(message.deadlineMs)
      case 'ping':
        return this.#sendBeacon()
      case 'inspect':
      case 'send-part':
        return refuseInspection(message, this.#options.text, (answer) => this.#send(answer))
    }
  }

  #beat(everyMs: number): void {
    this.#beaconMs = everyMs
    this.#link?.beat(everyMs)
    this.#supervision.beat(everyMs)
  }

  /**
   * Whether the server itself proves that its event loop turns. The compilers of development servers may block it for
   * longer than any server should.
   */
  #isSpokenFor(): boolean {
    return this.#phase === 'serving' && this.#search?.served !== undefined && !this.#options.isDevelopment
  }

  #onFigures(): void {
    this.#isHeard = true
    if (this.#isSpokenFor()) this.#sendBeacon()
  }

  #sendBeacon(): void {
    const figures: Figures = this.#link?.figures ?? {
      inFlight: 0,
      webSockets: 0,
      eventStreams: 0,
      requests: 0,
      loopLagMs: this.#lag.take(),
    }
    const { inFlight, webSockets, eventStreams, requests, loopLagMs } = figures
    const rssBytes = this.#processes.residentBytes(this.#phase === 'serving')
    const served = this.#search?.served
    const free = served && freeDescriptors(served.pid)
    const vitals = { inFlight, webSockets, eventStreams, requests, loopLagMs, rssBytes }
    const known = free === undefined ? {} : { freeDescriptors: free }
    this.#send({ type: 'beacon', ...vitals, ...known, ...NOTHING_PUBLISHED })
  }

  #supervisorGone(): void {
    if (this.#phase === 'starting') return void this.#abandon()
    setTimeout(() => void this.#drain(ORPHAN_DRAIN_MS), ORPHAN_GRACE_MS)
  }

  /** Waits for what is under way, then ends every process by TERM, and what is left at the deadline by KILL. */
  async #drain(deadlineMs: number): Promise<void> {
    if (this.#phase === 'ending') return
    this.#phase = 'ending'
    const untilMs = performance.now() + deadlineMs
    this.#isHeard = false
    this.#link?.tell({ type: 'drain', answerMs: this.#answerMs })
    while (!this.#isIdle() && performance.now() < untilMs - TERM_MS) await Bun.sleep(POLL_MS)
    const abandoned = this.#underWay
    await this.#processes.end(untilMs)
    this.#send({ type: 'drained', abandoned })
    this.#finish(0)
  }

  #isIdle(): boolean {
    if (this.#search?.served !== undefined) return this.#isHeard && this.#underWay === 0
    return this.#underWay === 0
  }

  /** How long clients of WebSockets may take to answer that they connect again. */
  get #answerMs(): number {
    return this.#options.isDevelopment ? EARLY_END_MS : CLOSE_ANSWER_MS
  }

  get #underWay(): number {
    const { inFlight = 0, webSockets = 0, eventStreams = 0 } = this.#link?.figures ?? {}
    return inFlight + webSockets + eventStreams + (this.#bridge?.open ?? 0)
  }

  async #abandon(): Promise<void> {
    this.#phase = 'ending'
    await this.#processes.end(performance.now() + TERM_MS)
    this.#finish(0)
  }

  async #failBoot(failure: BootFailure): Promise<void> {
    if (this.#phase === 'ending') return
    this.#send({ type: 'failed', failure })
    process.stderr.write(`error: ${failure.message}\n`)
    await this.#end(failure.kind === 'not-found' ? EXIT_NOT_LOADED : EXIT_BOOT_FAILED)
  }

  /** Ends as the command did, so that the supervisor sees the same. */
  async #end(how: number | NodeJS.Signals): Promise<void> {
    this.#phase = 'ending'
    await this.#processes.end(performance.now() + TERM_MS)
    if (typeof how === 'number') return this.#finish(how)
    this.#close()
    // Its handler would be in the way.
    process.removeAllListeners(how)
    process.kill(process.pid, how)
  }

  #isEnding(): boolean {
    return this.#phase === 'ending'
  }

  #finish(code: number): void {
    this.#close()
    this.#exit.resolve(code)
  }

  #close(): void {
    this.#supervision.stopBeacons()
    this.#bridge?.[Symbol.dispose]()
    this.#link?.[Symbol.dispose]()
  }

  #print(message: string): void {
    process.stderr.write(`rip-server: ${message}\n`)
  }

  #send(message: WorkerMessage): void {
    this.#supervision.send(message)
  }
}

function failureOf(error: unknown): BootFailure {
  return { kind: error instanceof CommandNotFound ? 'not-found' : 'command', message: reasonOf(error) }
}

/** Some tools lock their folder, or have a fixed port. */
function secondHint(workerId: number): string {
  return workerId === 1 ? '' : '; if it can run only once at a time, use --workers 1'
}
