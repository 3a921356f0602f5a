import { DEFAULT_BEACON_MS } from '../defaults.ts'
import { reasonOf, WorkerError } from '../errors.ts'
import { setInterval } from '../own-timers.ts'
import { PROTOCOL_VERSION, type SupervisorMessage, type WorkerMessage } from '../protocol.ts'
import { ControlLink } from './control-link.ts'
import type { InspectionOrder, Inspector } from './inspector.ts'
import type { SupervisorPipe } from './supervisor-pipe.ts'

export interface SupervisionOptions {
  /** Held open by the supervisor. */
  readonly pipe: SupervisorPipe | undefined
  readonly onMessage: (message: SupervisorMessage) => void
  /** A beacon is due. */
  readonly onBeacon: () => void
  /** The supervisor is gone. Called twice where both the pipe and the link report it. */
  readonly onGone: () => void
}

/** What ties a process to its supervisor: the link, the pipe, and the beacons that prove that the event loop turns. */
export class Supervision {
  readonly #options: SupervisionOptions
  #link: ControlLink | undefined
  #beacon: NodeJS.Timeout | undefined
  /** Loaded when it is first needed. */
  #inspector: Inspector | undefined
  #keepsAlive = true

  constructor(options: SupervisionOptions) {
    this.#options = options
  }

  /** Whether there is a supervisor, to which messages are sent. */
  get isLinked(): boolean {
    return this.#link !== undefined
  }

  /**
   * Says hello to the supervisor that listens at `path`.
   *
   * @throws {@link WorkerError} `RIP_CONTROL_FAILED`
   */
  async connect(path: string, workerId: number): Promise<void> {
    const { pipe, onMessage, onGone } = this.#options
    void pipe?.end().then(onGone)
    try {
      this.#link = await ControlLink.connect(path, { onMessage, onEnd: onGone })
    } catch (cause) {
      throw new WorkerError('RIP_CONTROL_FAILED', { path, reason: reasonOf(cause) }, { cause })
    }
    this.send({ type: 'hello', version: PROTOCOL_VERSION, workerId, pid: process.pid })
    this.beat(DEFAULT_BEACON_MS)
  }

  /** Without a supervisor, nobody hears it. */
  send(message: WorkerMessage): void {
    this.#link?.send(message)
  }

  beat(intervalMs: number): void {
    clearInterval(this.#beacon)
    this.#beacon = setInterval(() => this.#options.onBeacon(), intervalMs)
    if (!this.#keepsAlive) this.#beacon.unref()
  }

  /** Loading the inspector takes a descriptor. */
  async inspect(message: InspectionOrder): Promise<void> {
    try {
      const { Inspector } = await import('./inspector.ts')
      this.#inspector ??= new Inspector((answer) => this.send(answer))
    } catch (error) {
      return this.send({ type: 'not-inspected', order: message.order, reason: reasonOf(error) })
    }
    await this.#inspector.obey(message)
  }

  /** From now on it does not keep the process alive. */
  unref(): void {
    this.#keepsAlive = false
    this.#link?.unref()
    this.#options.pipe?.unref()
    this.#beacon?.unref()
  }

  /** No beacon follows; the link lasts as long as the process. */
  stopBeacons(): void {
    clearInterval(this.#beacon)
  }
}
