import type { ManagerStatus } from '@rip/manager'
import type { LogFormat } from '@rip/server/settings'
import { logLine, readRecord } from '@rip/server/text'
import { CliError } from '../errors.ts'
import { type LogLine, type LogSelection, selects } from './log-selection.ts'

export interface LogPrinterOptions {
  readonly selection: LogSelection
  /** How many of the existing lines are wanted. @default all */
  readonly last?: number | undefined
  readonly format: LogFormat
  readonly colored: boolean
  /** Whether the time stands before each line, as it does in JSON anyway. */
  readonly stamped: boolean
  /** Takes whole lines; resolves when it can take more. */
  readonly write: (text: string) => Promise<unknown>
  /** Takes a sentence for the operator. */
  readonly say: (message: string) => void
}

/** Takes bytes of a log as they arrive, the existing ones first, and prints the lines that are wanted. */
export class LogPrinter {
  readonly #options: LogPrinterOptions
  readonly #decoder = new TextDecoder()
  #rest = ''
  #isPast = true
  /** Existing lines, as long as only the last of them are wanted and more may come. */
  #held: readonly LogLine[] = []
  #oldestMs: number | undefined
  readonly #namesSeen = new Set<string>()

  constructor(options: LogPrinterOptions) {
    this.#options = options
  }

  async take(bytes: Uint8Array): Promise<void> {
    const texts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n')
    this.#rest = texts.pop() ?? ''
    const lines = texts.map((text) => ({ text, record: readRecord(text) }))
    if (this.#isPast) for (const { record } of lines) this.#note(record)
    const { selection, last } = this.#options
    const wanted = lines.filter((line) => selects(selection, line))
    if (!this.#isPast || last === undefined) return await this.#print(wanted)
    const held = [...this.#held, ...wanted]
    this.#held = held.slice(Math.max(0, held.length - last))
  }

  /**
   * All existing lines were taken; does nothing after the first time.
   *
   * @param isShortened whether there were earlier lines, which are no longer kept
   * @throws CliError `NO_WORKER` when a process whose lines are wanted neither runs nor has written any
   */
  async endPast(status: Pick<ManagerStatus, 'workers' | 'background'>, isShortened: boolean): Promise<void> {
    if (!this.#isPast) return
    this.#isPast = false
    const { sinceMs, names = [] } = this.#options.selection
    const running = new Set(namesOf(status))
    const unknown = [...names].find((name) => !running.has(name) && !this.#namesSeen.has(name))
    if (unknown !== undefined) throw new CliError('NO_WORKER', { name: unknown, names: [...running] })
    if (isShortened && (this.#oldestMs ?? 0) > (sinceMs ?? Infinity))
      this.#options.say(`what is kept begins at ${new Date(this.#oldestMs ?? 0).toISOString()}`)
    await this.#print(this.#held)
    this.#held = []
  }

  #note(record: LogLine['record']): void {
    if (record === undefined) return
    this.#oldestMs ??= record.atMs
    this.#namesSeen.add(record.name)
  }

  async #print(lines: readonly LogLine[]): Promise<void> {
    if (lines.length === 0) return
    await this.#options.write(lines.map((line) => `${this.#textOf(line)}\n`).join(''))
  }

  #textOf({ text, record }: LogLine): string {
    const { format, colored, stamped } = this.#options
    if (record === undefined) return format === 'json' ? JSON.stringify({ message: text }) : text
    const line = logLine(record, format, colored)
    return stamped && format !== 'json' ? `${new Date(record.atMs).toISOString()} ${line}` : line
  }
}

function namesOf({ workers, background }: Pick<ManagerStatus, 'workers' | 'background'>): string[] {
  return [...workers.map(({ slot }) => `w${slot}`), ...background.map(({ name }) => name)]
}
