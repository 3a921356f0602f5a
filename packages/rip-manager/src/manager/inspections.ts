import { PART_BYTES, type SupervisorMessage, type WorkerMessage } from '@rip/worker/protocol'
import { ManagerError } from '../contract/errors.ts'
import type { Finding, Look } from '../contract/manager-api.ts'
import type { Clock } from '../contract/ports.ts'

/** A process whose event loop turns answers within this time. */
const ANSWER_MS = 5_000
/** A snapshot of the heap takes about a second for every 300,000 objects, while which the process is silent. */
const HEAP_MS = 60_000
const DEFAULT_FOR_MS = 5_000
const MAX_FOR_MS = 60_000
/** A finding that is said to be larger is not fetched. */
const MAX_BYTES = 4 * 1024 ** 3

type Answer = Extract<WorkerMessage, { readonly type: 'inspected' | 'not-inspected' | 'part' }>

export interface InspectionsOptions {
  readonly clock: Pick<Clock, 'after'>
  readonly send: (pid: number, message: SupervisorMessage) => void
  /** The process may be silent for so long. */
  readonly expectSilence: (pid: number, forMs: number) => void
}

/** A look that is under way, and who waits for the next message about it. */
interface UnderWay {
  readonly order: number
  answer: PromiseWithResolvers<Answer>
}

/** Has processes look at themselves, and fetches what they found, one part at a time, so that little of it is held here. */
export class Inspections {
  readonly #options: InspectionsOptions
  readonly #underWay = new Map<number, UnderWay>()
  #nextOrder = 1

  constructor(options: InspectionsOptions) {
    this.#options = options
  }

  /** Returns whether the message was about a look, and is dealt with. */
  take(pid: number, message: WorkerMessage | null): boolean {
    const look = this.#underWay.get(pid)
    if (message === null) {
      look?.answer.reject(this.#failure(pid, 'it has ended'))
      return false
    }
    if (message.type !== 'inspected' && message.type !== 'not-inspected' && message.type !== 'part')
      return false
    if (message.order === look?.order) look.answer.resolve(message)
    return true
  }

  /** @throws ManagerError `NOT_INSPECTED` */
  async look(pid: number, { kind, forMs = DEFAULT_FOR_MS }: Look, signal?: AbortSignal): Promise<Finding> {
    if (this.#underWay.has(pid)) throw this.#failure(pid, 'it is being looked at already')
    if (!(forMs > 0 && forMs <= MAX_FOR_MS))
      throw this.#failure(pid, `for ${forMs} ms: it must be more than 0 and at most ${MAX_FOR_MS}`)
    const order = this.#nextOrder++
    const look: UnderWay = { order, answer: Promise.withResolvers() }
    this.#underWay.set(pid, look)
    const end = (): void => {
      if (this.#underWay.get(pid) === look) this.#underWay.delete(pid)
    }
    // Parts that are never read.
    signal?.addEventListener('abort', end, { once: true })
    try {
      if (kind === 'heap') this.#options.expectSilence(pid, HEAP_MS)
      const withinMs = kind === 'heap' ? HEAP_MS : ANSWER_MS + (kind === 'cpu' ? forMs : 0)
      const message: SupervisorMessage = { type: 'inspect', order, kind, forMs }
      const answer = await this.#ask(pid, look, message, withinMs, signal)
      if (answer.type !== 'inspected') throw this.#failure(pid, reasonIn(answer))
      if (answer.bytes > MAX_BYTES)
        throw this.#failure(pid, `it found ${answer.bytes} bytes, which is too much`)
      return { bytes: answer.bytes, parts: this.#parts(pid, look, answer.bytes, signal, end) }
    } catch (error) {
      end()
      throw error
    }
  }

  async *#parts(
    pid: number,
    look: UnderWay,
    bytes: number,
    signal: AbortSignal | undefined,
    end: () => void,
  ): AsyncGenerator<Uint8Array> {
    try {
      for (let fetched = 0; fetched < bytes;) {
        const answer = await this.#ask(pid, look, { type: 'send-part', order: look.order }, ANSWER_MS, signal)
        if (answer.type !== 'part') throw this.#failure(pid, reasonIn(answer))
        const part = Uint8Array.fromBase64(answer.base64)
        if (part.byteLength !== Math.min(PART_BYTES, bytes - fetched))
          throw this.#failure(pid, 'it sent another part than was asked for')
        fetched += part.byteLength
        yield part
      }
    } finally {
      end()
    }
  }

  async #ask(
    pid: number,
    look: UnderWay,
    message: SupervisorMessage,
    withinMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    signal?.throwIfAborted()
    const answer = (look.answer = Promise.withResolvers<Answer>())
    const late = `it has not answered within ${withinMs / 1_000} s: its event loop is blocked`
    using _timer = this.#options.clock.after(withinMs, () => answer.reject(this.#failure(pid, late)))
    const abort = (): void => answer.reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#options.send(pid, message)
    try {
      return await answer.promise
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  #failure(pid: number, reason: string): ManagerError<'NOT_INSPECTED'> {
    return new ManagerError('NOT_INSPECTED', { pid, reason })
  }
}

function reasonIn(answer: Answer): string {
  return answer.type === 'not-inspected' ? answer.reason : 'it sent something else than was asked for'
}
