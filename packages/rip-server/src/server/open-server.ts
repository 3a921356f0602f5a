import type {
  DrainReport,
  HandOverResult,
  ListenAddress,
  Manager,
  Refusal,
  ReloadOptions,
  ReloadResult,
  RunDir,
  StopOptions,
} from '@rip/manager'
import { predecessorGone } from '../instance/succession.ts'
import { handOver } from './hand-over.ts'
import { openParts, type ServerParts } from './server-parts.ts'
import type { ServerPlan } from './server-plan.ts'

/**
 * A server with all its parts: balancer, manager and workers of one application. Closing ends them in the reverse order
 * of their start.
 */
export class OpenServer implements AsyncDisposable {
  readonly manager: Manager
  readonly runDir: RunDir
  /** Where clients reach it, with the real port. */
  readonly address: ListenAddress | undefined
  /** The same address, to open in a browser. */
  readonly url: string | undefined
  /** Other addresses of the same, where another process opened several sockets. */
  readonly otherUrls: readonly string[]
  /** Where probes and scrapers ask, if they may. */
  readonly opsAddress: ListenAddress | undefined
  readonly #owned: AsyncDisposableStack
  readonly #parts: ServerParts
  #closing: Promise<DrainReport> | undefined
  #handingOver: Promise<HandOverResult> | undefined
  /** Aborts a successor that does not serve yet. */
  readonly #stopped = new AbortController()

  private constructor(parts: ServerParts, owned: AsyncDisposableStack) {
    this.manager = parts.manager
    this.runDir = parts.runDir
    this.address = parts.front.address
    this.url = parts.front.url
    this.otherUrls = parts.front.otherUrls
    this.opsAddress = parts.ops?.listener?.address
    this.#parts = parts
    this.#owned = owned
  }

  /**
   * Takes run directory, lock and listening socket, but starts no process yet. Leaves nothing behind when it throws.
   */
  static async open(plan: ServerPlan): Promise<OpenServer> {
    await using owned = new AsyncDisposableStack()
    const opened = Promise.withResolvers<OpenServer>()
    const parts = await openParts(plan, owned, {
      ...(plan.isProgram && { handOver: async () => (await opened.promise).handOver() }),
      reload: async (options) => (await opened.promise).reload(options),
    })
    opened.resolve(new OpenServer(parts, owned.move()))
    return opened.promise
  }

  /** Resolves when the first generation serves. @throws what {@link Manager.start} throws */
  async start(): Promise<void> {
    const { plan, publish, log, front, certificates, ops } = this.#parts
    if (plan.inherited === undefined) {
      publish()
      ops?.listener?.accept()
    }
    void certificates.look(Date.now())
    await this.manager.start()
    if (plan.inherited === undefined) return
    // From now on commands reach this server, and the predecessor leaves.
    publish()
    ops?.listener?.accept()
    log.adopt()
    void predecessorGone(plan.inherited).then(() => {
      this.runDir.inheritNames()
      front.inherit()
      ops?.inherit()
      // The predecessor's workers have ended what an application runs once.
      this.manager.activate()
    })
  }

  /** Answers clients with the reason until the application serves. Does nothing without a balancer. */
  async showFailedStart(refusal: Refusal): Promise<void> {
    const { front, plan } = this.#parts
    if (plan.listen === undefined || plan.tenants !== undefined) return
    const { FailedStartServer } = await import('../front/failed-start.ts')
    if (this.#closing !== undefined) return
    const socket = this.runDir.socketPath(0, 0)
    const shown = new FailedStartServer(refusal, { manager: this.manager, router: front.router, socket })
    this.#owned.use(shown)
    await shown.route()
  }

  /**
   * Lets a new process take the place of this one: with the program that is on disk, proven before it gets a request,
   * and with the same listening socket. Then this server finishes its requests and closes.
   */
  handOver(): Promise<HandOverResult> {
    return (this.#handingOver ??= this.#handOver().finally(() => (this.#handingOver = undefined)))
  }

  async #handOver(): Promise<HandOverResult> {
    if (this.#closing !== undefined) return { ok: false, message: 'the server is stopping' }
    const result = await handOver(this.#parts, this.#stopped.signal)
    if (!result.ok) return result
    // After the answer to the operator. Without delay: as the successor serves, no load balancer has to turn away.
    setTimeout(() => void this.close({ delay: false }))
    return result
  }

  /** Resolves when the newest content and configuration on disk are in force, if they can be used. */
  async reload(options: ReloadOptions = {}): Promise<ReloadResult> {
    const { configuration, plan } = this.#parts
    if (plan.rereading === undefined) return await this.manager.reload(options)
    configuration.ask()
    const result = await this.manager.reload(options)
    if (!result.ok) return result
    const refusal = result.unchanged
      ? await configuration.refresh(result.generation, this.#stopped.signal)
      : undefined
    if (refusal !== undefined) return { ok: false, refusal }
    return { ...result, configuration: await configuration.settled() }
  }

  /** Whether a line is printed for each request. */
  get printsRequests(): boolean {
    return this.#parts.requestLines.arePrinted(this.#parts.configuration.current)
  }

  /** Prints a line for each request from now on, or none, whatever the settings say. Resolves when that is in force. */
  async printRequests(prints: boolean): Promise<void> {
    const { requestLines, front } = this.#parts
    requestLines.print(prints)
    await front.configure()
  }

  /** Drains, then ends every process and removes every file. A second call with `now` ends the wait. */
  close(options: StopOptions = {}): Promise<DrainReport> {
    this.#stopped.abort()
    const stopped = this.manager.close(options)
    return (this.#closing ??= this.#close(stopped))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(stopped: Promise<DrainReport>): Promise<DrainReport> {
    await using _owned = this.#owned
    // Waits for the end of a successor that was given up, which until then uses the names in the run directory.
    await this.#handingOver
    return await stopped
  }
}
