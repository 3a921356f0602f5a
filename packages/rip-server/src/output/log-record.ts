import { safeText } from './safe-text.ts'
import { type ChildLine, formatColored, formatPlain } from '@rip/manager'

export const logFormats = ['text', 'json', 'raw'] as const

/**
 * How lines of workers are printed. `text`: the name of the worker before each; `json`: an object each; `raw`: as
 * they were written.
 */
export type LogFormat = (typeof logFormats)[number]

/** One line of a child process, as it is kept and printed. */
export interface LogRecord extends Pick<ChildLine, 'name' | 'worker' | 'stream' | 'text' | 'continues'> {
  /** When it was read, in milliseconds since the epoch. */
  readonly atMs: number
}

export function recordOf(line: ChildLine, atMs: number): LogRecord {
  const { name, worker, stream, text, continues } = line
  return { name, worker, stream, text, continues, atMs }
}

/** What is printed for a line, without a line feed. */
export function logLine(record: LogRecord, format: LogFormat, colored: boolean): string {
  if (format === 'json') return jsonLine(record)
  if (format === 'raw') return record.text
  const safe = { ...record, text: safeText(record.text) }
  return colored ? formatColored(safe) : formatPlain(safe)
}

/**
 * An object with `worker`, `generation`, `stream` and `time`. Fields of a line that is an object itself stand beside
 * them, exactly as written; any other line is its `message`, without colours.
 */
function jsonLine(record: LogRecord): string {
  const { text, continues, atMs } = record
  const written = continues ? undefined : objectIn(text)
  const own = { ...originOf(record), time: new Date(atMs).toISOString() }
  if (written !== undefined) return merged(own, written, text.trim())
  return JSON.stringify({ ...own, message: Bun.stripANSI(text), ...(continues && { partial: true }) })
}

type Fields = Readonly<Record<string, unknown>>

function originOf({ name, worker, stream }: LogRecord): Fields {
  if (worker === undefined) return { service: name, stream }
  return { worker: worker.slot, generation: worker.generation, stream }
}

function objectIn(text: string): Fields | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Fields
  } catch {
    // The line only looks like an object.
    return undefined
  }
}

/**
 * Merges both records. The application's `time` wins; its fields with another name of ours are kept under a name of
 * their own.
 */
function merged({ time, ...origin }: Fields, written: Fields, text: string): string {
  const own = Object.hasOwn(written, 'time') ? origin : { ...origin, time }
  const taken = Object.keys(own).filter((name) => Object.hasOwn(written, name))
  if (taken.length > 0) return JSON.stringify({ ...own, ...renamed(written, taken) })
  // Copies the text, so that a number too large for JavaScript stays exact.
  const rest = text.slice(1).trimStart()
  return `${JSON.stringify(own).slice(0, -1)}${rest === '}' ? '' : ','}${rest}`
}

function renamed(written: Fields, taken: readonly string[]): Fields {
  const names = new Set(Object.keys(written))
  const entries = Object.entries(written).map(([name, value]) => {
    if (!taken.includes(name)) return [name, value] as const
    let free = `app_${name}`
    while (names.has(free)) free = `app_${free}`
    return [free, value] as const
  })
  return Object.fromEntries(entries)
}
