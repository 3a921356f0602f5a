import type {
  CommandOptions,
  DrainReport,
  ListenAddress,
  ManagerEvent,
  ManagerEventBody,
  ManagerStatus,
  ReloadOptions,
  ReloadResult,
  RollbackOptions,
  StopOptions,
} from '@rip/manager'
import { ServerError } from '../errors.ts'
import { OpenServer } from './open-server.ts'
import { planOf, type ServerOptions } from './server-options.ts'
import type { ServerPlan } from './server-plan.ts'

type EventType = ManagerEventBody['type']
type Listener<T extends EventType> = (event: Extract<ManagerEvent, { type: T }>) => void

/**
 * Makes a server for an application: balancer, manager, workers and compiler. Nothing happens before `start()`. The
 * server installs no signal handlers and never ends this process. When this process ends in any way, the processes of
 * the server finish their requests and end, too.
 *
 * @throws ServerError `CONFIG_INVALID` with every problem of the options, `APP_NOT_FOUND`, `FILE_REFUSED`
 */
export function createServer(options: ServerOptions): Server {
  return new Server(planOf(options))
}

/** A server, from its plan to its end. */
export class Server implements AsyncDisposable {
  readonly #plan: ServerPlan
  readonly #listeners = new Set<(open: OpenServer) => void>()
  #opening: Promise<OpenServer> | undefined
  #open: OpenServer | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<DrainReport> | undefined
  /** Told to close without waiting. */
  #hurries = false

  constructor(plan: ServerPlan) {
    this.#plan = plan
  }

  /**
   * Takes run directory, lock and listening socket, but starts no process yet. Leaves nothing behind when it throws.
   * Idempotent.
   *
   * @throws ManagerError `ALREADY_RUNNING`, `PORT_IN_USE` and others; ServerError `CLOSED`
   */
  open(): Promise<OpenServer> {
    if (this.#closing !== undefined) return Promise.reject(new ServerError('CLOSED', {}))
    return (this.#opening ??= this.#openParts())
  }

  async #openParts(): Promise<OpenServer> {
    const open = await OpenServer.open(this.#plan)
    this.#open = open
    for (const attach of this.#listeners) attach(open)
    return open
  }

  /**
   * Resolves when the first generation serves; idempotent. When none can, everything is closed before this rejects.
   *
   * @throws what `open` throws; ManagerError `BOOT_REFUSED` with what is wrong with the application, `SERVICE_FAILED`,
   *   `STOPPING`; ServerError `CLOSED` from `close` on
   */
  start(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new ServerError('CLOSED', {}))
    return (this.#starting ??= this.#start())
  }

  async #start(): Promise<void> {
    const open = await this.open()
    try {
      await open.start()
    } catch (error) {
      await this.close({ delay: false })
      throw error
    }
  }

  /** Where clients reach it, such as `http://localhost:3000` or `unix:/run/app.sock`; `undefined` before the start. */
  get url(): string | undefined {
    return this.#open?.url
  }

  /** The same as an address, with the real port; `undefined` before the start. */
  get address(): ListenAddress | undefined {
    return this.#open?.address
  }

  /** The status of the instance, as `rip-server status --json` shows it; `undefined` before the start. */
  get status(): ManagerStatus | undefined {
    return this.#open?.manager.status
  }

  /** Path of the run directory, with its sockets and its log; `undefined` before the start. */
  get runDir(): string | undefined {
    return this.#open?.runDir.path
  }

  /**
   * Sends a request to the server as a client would, on whatever address it listens.
   *
   * @param path path and query, such as `/orders?page=2`
   * @throws ServerError `NOT_STARTED`, and what `fetch` throws
   */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const address = this.address
    if (address === undefined) return Promise.reject(new ServerError('NOT_STARTED', { command: 'fetch' }))
    if ('unix' in address) return fetch(new URL(path, 'http://localhost'), { ...init, unix: address.unix })
    return fetch(new URL(path, this.url), init)
  }

  /** Resolves when the newest content on disk serves, if it can be used; a refusal is a result, not an error. */
  reload(options: ReloadOptions = {}): Promise<ReloadResult> {
    return this.#opened('reload', (open) => open.reload(options))
  }

  /** Replaces every worker by a fresh process of the same code, one at a time. */
  restart(options: CommandOptions = {}): Promise<ReloadResult> {
    return this.#opened('restart', ({ manager }) => manager.restart(options))
  }

  /** Returns to the previous code, unless that was taken back, or rolled back from, itself. */
  rollback(options: RollbackOptions = {}): Promise<ReloadResult> {
    return this.#opened('rollback', ({ manager }) => manager.rollback(options))
  }

  /** Sets the number of workers, at least 1; resolves when so many are ready. */
  scale(workers: number): Promise<void> {
    return this.#opened('scale', ({ manager }) => manager.scale(workers))
  }

  /** Suspends reloads until `resume`. */
  hold(): Promise<void> {
    return this.#opened('hold', async ({ manager }) => manager.hold())
  }

  resume(): Promise<void> {
    return this.#opened('resume', async ({ manager }) => manager.resume())
  }

  async #opened<T>(command: string, run: (open: OpenServer) => Promise<T>): Promise<T> {
    if (this.#open === undefined) throw new ServerError('NOT_STARTED', { command })
    return await run(this.#open)
  }

  /** Calls back for every event of a type until disposed; may be called before the start. */
  on<T extends EventType>(type: T, listener: Listener<T>): Disposable {
    const stack = new DisposableStack()
    const attach = ({ manager }: OpenServer): void => void stack.use(manager.on(type, listener))
    if (this.#open === undefined) this.#listeners.add(attach)
    else attach(this.#open)
    stack.defer(() => void this.#listeners.delete(attach))
    return stack
  }

  /**
   * Finishes requests in flight, for at most `drainTimeout`, then ends every process and removes every file. A second
   * call with `now` does not wait. Idempotent; before the start it does nothing.
   */
  close(options: StopOptions = {}): Promise<DrainReport> {
    if (options.now === true) {
      this.#hurries = true
      void this.#open?.close(options)
    }
    return (this.#closing ??= this.#close(options))
  }

  async #close(options: StopOptions): Promise<DrainReport> {
    const open = await this.#opening?.catch(() => undefined)
    this.#listeners.clear()
    const asked = this.#hurries ? { ...options, now: true } : options
    return (await open?.close(asked)) ?? { abandoned: 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
