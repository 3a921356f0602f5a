import { fitGlyphs } from './glyphs.ts'

/** What a status line is drawn with. */
export interface StatusLineOptions {
  readonly write: (text: string) => void
  /** Columns of the terminal at the moment. */
  readonly columns: () => number
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  /** Runs again and again until it is disposed; keeps no process alive. */
  readonly every: (intervalMs: number, run: () => void) => Disposable
}

/** What takes less than this is not worth a line. */
const PATIENCE_MS = 300
const FRAME_MS = 100
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const
/** To the first column, and everything after it erased (ECMA-48: EL). */
const ERASE = '\r\u001b[K'

/**
 * The last line of a terminal while something takes its time: what it is, and for how long. It appears after 300 ms, gives way
 * to everything that is printed, and leaves nothing behind.
 */
export class StatusLine {
  readonly #options: StatusLineOptions
  /** The innermost is last, and shown. */
  readonly #shown: { readonly text: string }[] = []
  #timer: Disposable | undefined
  #startedMs = 0
  #frame = 0
  #isDrawn = false

  constructor(options: StatusLineOptions) {
    this.#options = options
  }

  /** Shows the text until it is disposed, in place of one that is shown already. */
  show(text: string): Disposable {
    const entry = { text }
    this.#shown.push(entry)
    if (this.#timer === undefined) this.#startedMs = this.#options.nowMs()
    this.#timer ??= this.#options.every(FRAME_MS, () => this.#draw())
    return { [Symbol.dispose]: () => this.#drop(entry) }
  }

  /** Erases the line before something else is printed; it is drawn again below that. */
  giveWay(): void {
    if (this.#isDrawn) this.#options.write(ERASE)
    this.#isDrawn = false
  }

  #drop(entry: { readonly text: string }): void {
    const at = this.#shown.indexOf(entry)
    if (at === -1) return
    this.#shown.splice(at, 1)
    if (this.#shown.length > 0) return
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.giveWay()
  }

  #draw(): void {
    const { columns, nowMs, write } = this.#options
    const tookMs = nowMs() - this.#startedMs
    const text = this.#shown.at(-1)?.text
    if (text === undefined || tookMs < PATIENCE_MS) return
    this.#frame = (this.#frame + 1) % FRAMES.length
    const time = tookMs < 1_000 ? '' : ` ${Math.floor(tookMs / 1_000)} s`
    const room = columns() - time.length - 3
    const fitting = text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`
    write(`${ERASE}${FRAMES[this.#frame]} ${fitting}${time}`)
    this.#isDrawn = true
  }
}

/** A terminal that does not say how wide it is. */
const DEFAULT_COLUMNS = 80

/**
 * The status line of this program's standard error; `undefined` where it is no terminal, where a line cannot be erased, and in
 * CI systems.
 */
export function ownStatusLine(env: Readonly<Record<string, string | undefined>>): StatusLine | undefined {
  return process.stderr.isTTY && takesStatusLine(env)
    ? new StatusLine(processLine(fitGlyphs(process.stderr, env)))
    : undefined
}

/** Not where a line cannot be erased, and not in the terminal of a CI system, which keeps everything as a log. */
export function takesStatusLine({ TERM, CI }: Readonly<Record<string, string | undefined>>): boolean {
  return TERM !== 'dumb' && (CI === undefined || CI === '' || CI === 'false')
}

const processLine = (fit: (text: string) => string): StatusLineOptions => ({
  write: (text) => void process.stderr.write(fit(text)),
  columns: () => process.stderr.columns || DEFAULT_COLUMNS,
  nowMs: () => performance.now(),
  every(intervalMs, run) {
    const timer = setInterval(run, intervalMs)
    timer.unref()
    return { [Symbol.dispose]: () => clearInterval(timer) }
  },
})
