import type { Manager, Refusal, Router } from '@rip/manager'
import { type FailedStart, failedStartPage } from '@rip/worker/pages'
import { isPassing } from '../output/passing-refusal.ts'
import { refusalDetail, refusalMessage } from '../output/refusal-text.ts'
import { FAILED_START } from './traffic.ts'

export interface FailedStartOptions {
  readonly manager: Manager
  readonly router: Router
  /** Path of the socket on which it listens. */
  readonly socket: string
}

const MAX_IN_FLIGHT = 1_000
const DRAIN_MS = 5_000

/**
 * Answers in the place of an application whose first start has failed, so that clients learn why instead of waiting in
 * vain. The first generation that serves takes the requests over.
 */
export class FailedStartServer implements AsyncDisposable {
  readonly #options: FailedStartOptions
  readonly #server: Bun.Server<undefined>
  readonly #listening = new DisposableStack()
  #failed: FailedStart
  /** Switches to it that have been ordered and not acknowledged. */
  #cuts = 0
  #closed = false

  constructor(refusal: Refusal, options: FailedStartOptions) {
    this.#options = options
    this.#failed = failedStart(refusal)
    this.#server = Bun.serve({
      unix: options.socket,
      fetch: (request) => failedStartPage(this.#failed, request),
    })
    const { manager } = options
    const refused = manager.on('generation-refused', ({ refusal: next }) => {
      if (!isPassing(next.code)) this.#failed = failedStart(next)
    })
    this.#listening.use(refused)
    // A new balancer has no routes yet.
    this.#listening.use(manager.on('service-ready', () => void this.route()))
    this.#listening.use(manager.on('ready', () => void this[Symbol.asyncDispose]()))
  }

  /** Routes requests here from now on, unless a generation serves. */
  async route(): Promise<void> {
    if (this.#closed) return
    const { router, socket } = this.#options
    try {
      await router.prepare(FAILED_START, [{ id: FAILED_START, socket, maxInFlight: MAX_IN_FLIGHT }])
      if (this.#closed) return
      this.#cuts++
      await router.cut(FAILED_START).finally(() => this.#cuts--)
    } catch {
      // The balancer is about to be replaced, and gets the route then; the reason is on the terminal, too.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#listening.dispose()
    await this.#leaveRouter().catch(() => {})
    await this.#server.stop(true)
  }

  async #leaveRouter(): Promise<void> {
    const { manager, router } = this.#options
    const { generation } = manager.status
    // Orders are followed one after the other: the switch to what serves came before these.
    if (this.#cuts > 0 && generation !== null) await router.cut(generation)
    await router.drain(FAILED_START, { signal: AbortSignal.timeout(DRAIN_MS) })
  }
}

function failedStart(refusal: Refusal): FailedStart {
  return { message: refusalMessage(refusal), detail: Bun.stripANSI(refusalDetail(refusal)) }
}
