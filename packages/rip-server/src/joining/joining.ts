import { AdminClient } from '@rip/balancer/supervisor'
import { ControlClient, type Instance, isListener, type JoinNotice, ManagerError } from '@rip/manager'
import { messageOf } from '../message-of.ts'

/** How often a balancer that waits looks for a manager. */
const LOOK_EVERY_MS = 100
const LOST_PAUSE_MS = 10
/** Pause between two attempts to join a manager that refuses. */
const REFUSED_PAUSE_MS = 1_000

export interface JoiningOptions {
  /** Socket on which this balancer takes orders. */
  readonly adminPath: string
  /** Addresses under which clients reach it. */
  readonly urls: readonly string[]
  /** The instance that runs now. */
  readonly find: () => Instance | undefined
  /** Puts back what the manager needs to find this balancer, if it was removed. */
  readonly restore: () => void
  /** Text of the message while there is no manager. */
  readonly waitingText: string
  /** Called with one sentence for each thing that happens. */
  readonly say: (message: string) => void
}

/** A connection to a manager that lasts as long as this balancer takes its orders. */
interface Session {
  readonly instance: Instance
  readonly end: AbortController
  /** Kept here, because the connection closes when this is garbage-collected. */
  readonly notices: AsyncIterator<JoinNotice>
}

/**
 * Makes a balancer take its orders from the running manager of an application: it waits for the first one, changes to a
 * successor without a gap, and keeps requests waiting while there is none.
 */
export class Joining {
  readonly #options: JoiningOptions
  readonly #admin: AdminClient
  /** The session of a manager that is leaving, whose backends still get requests. */
  #former: Session | undefined
  #waits = false
  #refusedBecause: string | undefined

  constructor(options: JoiningOptions) {
    this.#options = options
    this.#admin = new AdminClient({ socket: options.adminPath })
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const instance = this.#find()
      if (instance === undefined) await this.#waitForManager()
      else await this.#follow(instance, signal)
    }
    this.#former?.end.abort()
  }

  /** Finds the running manager, unless it is the one that leaves; the kernel tells which process listens. */
  #find(): Instance | undefined {
    const found = this.#options.find()
    if (found === undefined || isSame(found, this.#former?.instance)) return undefined
    return isListener(found.control, found.pid) ? found : undefined
  }

  async #waitForManager(): Promise<void> {
    const { say, waitingText, restore } = this.#options
    if (!this.#waits) {
      this.#waits = await this.#keepRequests()
      if (this.#waits) say(waitingText)
    }
    // The former manager's backends get no requests any more, so it may end them.
    if (this.#waits) this.#former?.end.abort()
    if (this.#options.find() === undefined) this.#former = undefined
    restore()
    await Bun.sleep(LOOK_EVERY_MS)
  }

  /** Makes requests wait for the next manager. Resolves to false when the balancer cannot be reached yet. */
  async #keepRequests(): Promise<boolean> {
    try {
      for (const { generation } of (await this.#admin.status()).pools)
        if (generation !== null) await this.#admin.prepare(generation, [])
      return true
    } catch {
      // The balancer's socket was removed, and is put back; or the balancer has just left.
      return false
    }
  }

  async #follow(instance: Instance, signal: AbortSignal): Promise<void> {
    const end = new AbortController()
    const client = new ControlClient(instance.control)
    const { adminPath, urls } = this.#options
    const introduction = { pid: process.pid, socket: adminPath, listening: urls.join(' ') }
    const notices = client.join(introduction, { signal: AbortSignal.any([signal, end.signal]) })
    try {
      for (;;) {
        const { done, value } = await notices.next()
        // The manager was killed, or has left this balancer out: the next look tells which.
        if (done === true) return await Bun.sleep(LOST_PAUSE_MS)
        // The connection stays open: until it closes, the manager does not end its workers.
        if (value.type === 'leaving') return void (this.#former = { instance, end, notices })
        this.#joined(instance)
      }
    } catch (error) {
      if (!signal.aborted) await this.#failed(error)
    }
  }

  #joined({ pid, name }: Instance): void {
    this.#former?.end.abort()
    this.#former = undefined
    this.#waits = false
    this.#refusedBecause = undefined
    this.#options.say(`joined the manager of ${name}, process ${pid}`)
  }

  async #failed(error: unknown): Promise<void> {
    const isGone = error instanceof ManagerError && error.code === 'NOT_RUNNING'
    if (isGone) return Bun.sleep(LOST_PAUSE_MS)
    const reason = messageOf(error)
    if (reason !== this.#refusedBecause) this.#options.say(`cannot join the manager: ${reason}`)
    this.#refusedBecause = reason
    await Bun.sleep(REFUSED_PAUSE_MS)
  }
}

function isSame(one: Instance, other: Instance | undefined): boolean {
  return one.pid === other?.pid && one.startedAtMs === other.startedAtMs
}
