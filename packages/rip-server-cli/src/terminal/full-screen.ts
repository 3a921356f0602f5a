import { writeSync } from 'node:fs'
import { fitGlyphs } from '@rip/balancer/text'
import { KeyReader } from './key-reader.ts'
import { Screen, type ScreenSize } from './screen.ts'
import type { StyledLine } from './styled-line.ts'

/** How long a lone escape waits for the rest of a sequence, which a slow connection may deliver later. */
const SETTLE_MS = 60
/** How long output may take before a signal ends the process anyway: the terminal may have stopped to read. */
const FLUSH_MS = 300
/** A process that the system does not stop, as it has no shell that could continue it, goes on after this time. */
const STOPPED_MS = 100
/** What a terminal that says nothing else has. */
const DEFAULT_SIZE: ScreenSize = { columns: 80, rows: 24 }

const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

export interface FullScreenOptions {
  readonly colored: boolean
  readonly onKey: (key: string) => void
  /** Called when the size has changed, or everything has to be drawn anew. */
  readonly onRedraw: () => void
}

/**
 * The terminal of this process as one screen with keys. Whatever ends the process, but SIGKILL, and whatever stops it for a
 * while, gives the terminal back as it was before.
 */
export class FullScreen implements Disposable {
  readonly #options: FullScreenOptions
  readonly #screen: Screen
  readonly #keys = new KeyReader()
  readonly #fit = fitGlyphs(process.stdout, process.env)
  readonly #failed = Promise.withResolvers<never>()
  readonly #gone = Promise.withResolvers<void>()
  readonly #handlers: (() => void)[] = []
  #settling: ReturnType<typeof setTimeout> | undefined
  #isOpen = false
  #isExiting = false

  constructor(options: FullScreenOptions) {
    this.#options = options
    this.#screen = new Screen({
      colored: options.colored,
      write: (bytes) => this.#write(bytes),
    })
    this.#failed.promise.catch(() => {})
  }

  /** Rejects with an error that nothing has caught, so that it is reported on the screen that was there before. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  /** Resolves when the terminal sends nothing any more, as it has hung up. */
  get gone(): Promise<void> {
    return this.#gone.promise
  }

  get hasKeys(): boolean {
    return process.stdin.isTTY === true
  }

  get size(): ScreenSize {
    const { columns, rows } = process.stdout
    return {
      columns: columns > 0 ? columns : DEFAULT_SIZE.columns,
      rows: rows > 0 ? rows : DEFAULT_SIZE.rows,
    }
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    for (const signal of ENDING) this.#onSignal(signal, () => void this.#endBy(signal))
    this.#onSignal('SIGTSTP', () => this.suspend())
    this.#onSignal('SIGCONT', () => this.#resume())
    this.#listen(process.stdout, 'resize', () => this.redraw())
    this.#listen(process, 'uncaughtException', (error) => this.#failed.reject(error))
    this.#listen(process, 'unhandledRejection', (error) => this.#failed.reject(error))
    this.#listen(process, 'exit', () => this.#restoreAtExit())
    if (this.hasKeys) {
      this.#listen(process.stdin, 'data', (bytes) => this.#read(bytes as Uint8Array))
      this.#listen(process.stdin, 'end', () => this.#gone.resolve())
      this.#listen(process.stdin, 'error', () => this.#gone.resolve())
      process.stdin.resume()
    }
    this.#take()
  }

  draw(lines: readonly StyledLine[]): void {
    this.#screen.draw(lines, this.size)
  }

  /** Draws everything anew, for a terminal that something else has written to. */
  redraw(): void {
    this.#screen.forget()
    this.#options.onRedraw()
  }

  /** Stops this job, as Ctrl-Z does elsewhere, until the shell continues it. */
  suspend(): void {
    if (!this.#screen.isEntered) return
    this.#giveBack()
    process.stdout.write('', () => {
      this.#stop()
      // Without a shell that controls jobs the system does not stop it.
      setTimeout(() => this.#resume(), STOPPED_MS)
    })
  }

  /** Ends this process as Ctrl-C does elsewhere, so that what started it knows. */
  interrupt(): void {
    void this.#endBy('SIGINT')
  }

  /** Gives the terminal back. Idempotent. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    clearTimeout(this.#settling)
    this.#giveBack()
    for (const remove of this.#handlers.splice(0)) remove()
    if (this.hasKeys) process.stdin.pause()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #take(): void {
    if (this.hasKeys) process.stdin.setRawMode(true)
    this.#screen.enter()
    this.#options.onRedraw()
  }

  #giveBack(): void {
    this.#screen.leave()
    if (this.hasKeys) process.stdin.setRawMode(false)
  }

  /** A shell that continues a job has set the modes of the terminal to its own before. */
  #resume(): void {
    if (!this.#isOpen) return
    this.#giveBack()
    this.#take()
  }

  /** All processes of the job, as the terminal would, with this one at last. */
  #stop(): void {
    const handler = process.listeners('SIGTSTP')
    process.removeAllListeners('SIGTSTP')
    process.kill(0, 'SIGTSTP')
    for (const each of handler) process.on('SIGTSTP', each)
  }

  async #endBy(signal: NodeJS.Signals): Promise<void> {
    this.close()
    const { promise: flushed, resolve } = Promise.withResolvers<void>()
    process.stdout.write('', () => resolve())
    await Promise.race([flushed, Bun.sleep(FLUSH_MS)])
    process.kill(process.pid, signal)
  }

  #read(bytes: Uint8Array): void {
    clearTimeout(this.#settling)
    for (const key of this.#keys.read(bytes)) this.#options.onKey(key)
    if (!this.#keys.isPending) return
    this.#settling = setTimeout(() => {
      for (const key of this.#keys.settle()) this.#options.onKey(key)
    }, SETTLE_MS)
  }

  #restoreAtExit(): void {
    this.#isExiting = true
    this.close()
  }

  #write(text: string): void {
    const bytes = this.#fit(text)
    if (!this.#isExiting) return void process.stdout.write(bytes)
    try {
      // What is buffered is not sent any more when the process exits.
      writeSync(process.stdout.fd, bytes)
    } catch {
      // The terminal has gone.
    }
  }

  #onSignal(signal: NodeJS.Signals, handle: () => void): void {
    this.#listen(process, signal, handle)
  }

  #listen(source: NodeJS.EventEmitter, event: string, handle: (argument: unknown) => void): void {
    source.on(event, handle)
    this.#handlers.push(() => void source.off(event, handle))
  }
}
