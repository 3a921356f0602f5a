import { closeSync, openSync } from 'node:fs'

const LOOK_EVERY_MS = 5_000
/** `EMFILE`: the limit of this process; `ENFILE`: that of the machine. */
const LACKS: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE'])

export interface DescriptorWatchOptions {
  readonly tell: (message: string) => void
  /** @throws with a code when nothing can be opened. @default opens a file */
  readonly open?: () => void
}

/**
 * Tells once when this process can open nothing more, and once when it can again. Requests are served meanwhile, but no process
 * that ends can be replaced.
 */
export class DescriptorWatch implements Disposable {
  readonly #options: DescriptorWatchOptions
  readonly #timer: ReturnType<typeof setInterval>
  #lacks = false

  constructor(options: DescriptorWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  look(): void {
    const { tell, open = openSomething } = this.#options
    const code = codeThrownBy(open)
    const lacks = LACKS.has(code)
    if (lacks === this.#lacks) return
    this.#lacks = lacks
    if (!lacks) return tell('files and connections can be opened again')
    tell(
      `the manager has no file descriptor left (${String(code)}): requests are served, but processes that end are not replaced, and commands get no answer; raise the limit (LimitNOFILE, ulimit -n)`,
    )
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

function openSomething(): void {
  closeSync(openSync('/dev/null', 'r'))
}

function codeThrownBy(run: () => void): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}
