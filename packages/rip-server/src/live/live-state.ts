import type { ChangedContent, GenerationId, Manager } from '@rip/manager'
import { isPassing } from '../output/passing-refusal.ts'
import type { Problem, ProblemTexts } from './problem.ts'

/** What pages are told. */
export interface LiveMessage {
  /** What serves; `null` before the first generation. */
  readonly generation: GenerationId | null
  /** What served before, the latest last. */
  readonly before: readonly GenerationId[]
  /** Set when it has just begun to serve, and all files that differ are known. */
  readonly change?: { readonly from: GenerationId; readonly files: readonly string[] }
  readonly problems: readonly Problem[]
}

export interface LiveStateOptions {
  readonly manager: Pick<Manager, 'on' | 'status'>
  readonly texts: ProblemTexts
  /** Takes each new message. */
  readonly tell: (message: LiveMessage) => void
}

const MAX_BEFORE = 64
/** An overlay with more would not be read. */
const MAX_FAILURES = 5

/** Keeps what pages have to know of the application, from the events of its manager. */
export class LiveState implements Disposable {
  readonly #options: LiveStateOptions
  readonly #listening = new DisposableStack()
  readonly #before: GenerationId[] = []
  #refused: Problem | undefined
  /** Of workers that serve, the latest first. */
  #failures: readonly Problem[] = []

  constructor(options: LiveStateOptions) {
    this.#options = options
    const { manager, texts } = options
    const listening = this.#listening
    listening.use(manager.on('ready', () => this.#serves(null)))
    listening.use(manager.on('generation-cut', ({ previous, changed }) => this.#serves(previous, changed)))
    listening.use(manager.on('generation-unchanged', () => this.#refuse(undefined)))
    listening.use(
      manager.on('generation-refused', ({ refusal }) => {
        if (!isPassing(refusal.code)) this.#refuse(texts.ofRefusal(refusal))
      }),
    )
    listening.use(manager.on('worker-uncaught', (event) => this.#fail(texts.ofUncaught(event))))
    for (const type of ['worker-exited', 'background-exited'] as const)
      listening.use(
        manager.on(type, (event) => {
          // Of a candidate the refusal tells.
          if (manager.status.generation !== null) this.#fail(texts.ofExit(event))
        }),
      )
  }

  /** What a page is told first. */
  get message(): LiveMessage {
    const { generation } = this.#options.manager.status
    const refused = this.#refused === undefined ? [] : [this.#refused]
    return { generation, before: this.#before, problems: [...refused, ...this.#failures] }
  }

  #serves(previous: GenerationId | null, changed?: ChangedContent): void {
    this.#refused = undefined
    this.#failures = []
    if (previous !== null) this.#before.push(previous)
    if (this.#before.length > MAX_BEFORE) this.#before.shift()
    const isListed = changed !== undefined && changed.count === changed.paths.length
    const change = previous !== null && isListed ? { from: previous, files: changed.paths } : undefined
    this.#options.tell({ ...this.message, ...(change && { change }) })
  }

  #refuse(problem: Problem | undefined): void {
    this.#refused = problem
    this.#options.tell(this.message)
  }

  #fail(problem: Problem | undefined): void {
    if (problem === undefined) return
    const others = this.#failures.filter((each) => each.message !== problem.message)
    this.#failures = [problem, ...others].slice(0, MAX_FAILURES)
    this.#options.tell(this.message)
  }

  [Symbol.dispose](): void {
    this.#listening.dispose()
  }
}
