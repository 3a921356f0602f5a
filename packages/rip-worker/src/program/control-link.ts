import {
  encodeFrame,
  FrameDecoder,
  FrameError,
  type InspectionKind,
  type SupervisorMessage,
  type WorkerMessage,
} from '../protocol.ts'

export interface ControlLinkEvents {
  readonly onMessage: (message: SupervisorMessage) => void
  /** Called once, at the end: the supervisor is gone, or sent something that is no message. */
  readonly onEnd: () => void
}

/** The worker's end of the connection to its supervisor. */
export class ControlLink {
  readonly #socket: Bun.Socket<undefined>
  /**
   * Bytes that the kernel has not taken yet. Bounded, because beacons are dropped meanwhile and other messages are few.
   */
  #unsent: Uint8Array = new Uint8Array(0)

  private constructor(socket: Bun.Socket<undefined>) {
    this.#socket = socket
  }

  static async connect(path: string, events: ControlLinkEvents): Promise<ControlLink> {
    const decoder = new FrameDecoder()
    let link: ControlLink | undefined
    let ended = false
    const end = (): void => {
      if (ended) return
      ended = true
      events.onEnd()
    }
    const deliver = (messages: readonly unknown[]): void => {
      for (const message of messages) if (isSupervisorMessage(message)) events.onMessage(message)
    }
    const socket = await Bun.connect<undefined>({
      unix: path,
      socket: {
        data(connection, bytes) {
          try {
            deliver(decoder.push(bytes))
          } catch (error) {
            if (!(error instanceof FrameError)) throw error
            deliver(error.messages)
            connection.end()
            end()
          }
        },
        drain: () => link?.flush(),
        end,
        close: end,
        // Followed by `close`.
        error() {},
      },
    })
    return (link = new ControlLink(socket))
  }

  send(message: WorkerMessage): void {
    if (message.type === 'beacon' && this.#unsent.length > 0) return
    this.#unsent = Buffer.concat([this.#unsent, encodeFrame(message)])
    this.flush()
  }

  flush(): void {
    if (this.#unsent.length === 0) return
    const written = this.#socket.write(this.#unsent)
    if (written > 0) this.#unsent = this.#unsent.subarray(written)
  }

  /** From now on the connection does not keep the process alive. */
  unref(): void {
    this.#socket.unref()
  }

  close(): void {
    this.#socket.end()
  }
}

const WITHOUT_DETAILS: ReadonlySet<unknown> = new Set(['ping', 'resume', 'end-streams'])

/** A message of a newer supervisor that this worker does not know is ignored; a changed meaning changes the version. */
function isSupervisorMessage(value: unknown): value is SupervisorMessage {
  const message = value as Partial<Record<string, unknown>> | null
  if (typeof message !== 'object' || message === null) return false
  if (WITHOUT_DETAILS.has(message['type'])) return true
  if (message['type'] === 'standby' || message['type'] === 'send-part')
    return typeof message['order'] === 'number'
  if (message['type'] === 'inspect') return isInspection(message)
  if (message['type'] === 'drain') return typeof message['deadlineMs'] === 'number'
  return (
    message['type'] === 'welcome' &&
    typeof message['version'] === 'number' &&
    isInterval(message['beaconMs']) &&
    isBusPlace(message['bus'])
  )
}

const INSPECTIONS: ReadonlySet<unknown> = new Set(['memory', 'cpu', 'heap'] satisfies InspectionKind[])

function isInspection(message: Partial<Record<string, unknown>>): boolean {
  const { order, kind, forMs } = message
  return typeof order === 'number' && typeof forMs === 'number' && INSPECTIONS.has(kind)
}

function isBusPlace(value: unknown): boolean {
  if (value === undefined) return true
  const { folder, key } = (value ?? {}) as Partial<Record<string, unknown>>
  return typeof folder === 'string' && typeof key === 'string'
}

function isInterval(value: unknown): boolean {
  return typeof value === 'number' && value > 0
}
