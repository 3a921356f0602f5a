import { keyOf } from './key-of.ts'
import { keyMode, type Mode, TerminalMode } from './terminal-mode.ts'

/** How often it is looked whether the shell has put the job in the foreground or taken it from there: nothing tells. */
const LOOK_MS = 500
const STDIN = 0

/**
 * Reads single keys from the terminal of this process while its job is in the foreground. In the background it leaves
 * the terminal alone, so that the job is not stopped and the shell's own line is not disturbed. The mode of the terminal is
 * the one it was found in, except while keys are read.
 */
export class Keyboard implements Disposable {
  readonly #terminal: TerminalMode
  readonly #onKey: (key: string) => void
  readonly #onData = (bytes: Buffer): void => this.#take(bytes)
  readonly #onSuspend = (): void => this.#suspend()
  readonly #onContinue = (): void => this.#continue()
  readonly #onLook = (): void => this.#look()
  readonly #onExit = (): void => this.#release()
  readonly #timer: NodeJS.Timeout
  /** The mode the terminal was in before; undefined while no keys are read. */
  #before: Mode | undefined

  private constructor(terminal: TerminalMode, onKey: (key: string) => void) {
    this.#terminal = terminal
    this.#onKey = onKey
    process.on('SIGTSTP', this.#onSuspend)
    process.on('SIGCONT', this.#onContinue)
    process.on('exit', this.#onExit)
    // An end is that of the terminal, which is noticed elsewhere.
    process.stdin.on('error', () => {})
    this.#timer = setInterval(this.#onLook, LOOK_MS)
    this.#timer.unref()
    this.#look()
  }

  /** `undefined` unless input, data and messages all are a terminal: else other programs or files share them. */
  static open(onKey: (key: string) => void): Keyboard | undefined {
    const streams = [process.stdin, process.stdout, process.stderr]
    if (!streams.every(({ isTTY }) => isTTY === true)) return undefined
    const terminal = TerminalMode.open(STDIN)
    return terminal && new Keyboard(terminal, onKey)
  }

  /** Whether keys are read at the moment. */
  get isRead(): boolean {
    return this.#before !== undefined
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    process.off('SIGTSTP', this.#onSuspend)
    process.off('SIGCONT', this.#onContinue)
    process.off('exit', this.#onExit)
    this.#release()
  }

  #look(): void {
    if (!this.#terminal.isOurs) this.#leave()
    else if (this.#before === undefined) this.#listen()
  }

  #listen(): void {
    const mode = this.#terminal.mode
    if (mode === undefined) return
    this.#before = mode
    this.#terminal.mode = keyMode(mode)
    process.stdin.on('data', this.#onData)
    process.stdin.resume()
  }

  /** Stops reading. The shell has set the mode it needs. */
  #leave(): void {
    if (this.#before === undefined) return
    this.#before = undefined
    process.stdin.off('data', this.#onData)
    process.stdin.pause()
  }

  /** Stops reading, and leaves the terminal as it was found. */
  #release(): void {
    const mode = this.#before
    const isOurs = this.#terminal.isOurs
    this.#leave()
    if (mode !== undefined && isOurs) this.#terminal.mode = mode
  }

  /** Ctrl-Z: leaves the terminal as it was found, then does what the signal does without a handler. */
  #suspend(): void {
    this.#release()
    process.off('SIGTSTP', this.#onSuspend)
    process.kill(process.pid, 'SIGTSTP')
    process.on('SIGTSTP', this.#onSuspend)
  }

  /** After SIGSTOP nothing could be left in order: the shell has changed the mode since, if it has stopped the job. */
  #continue(): void {
    const before = this.#before
    const { mode } = this.#terminal
    const isChanged = before !== undefined && mode !== undefined && !Bun.deepEquals(mode, keyMode(before))
    if (isChanged) this.#leave()
    this.#look()
  }

  #take(bytes: Buffer): void {
    const key = keyOf(bytes.toString())
    if (key !== undefined) this.#onKey(key)
  }
}
