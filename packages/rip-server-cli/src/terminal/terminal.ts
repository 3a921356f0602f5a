import { styleText } from 'node:util'
import { ownStatusLine } from '@rip/balancer/status-line'
import { fitGlyphs, showsGlyphs } from '@rip/balancer/text'
import { safeText } from '@rip/server/text'

/** The output of a command: data to stdout, messages to stderr. Both may be closed at any time. */
export interface Terminal {
  /** Data: a line per call, without styles when piped. */
  data(text: string): void
  /** Empties the screen that data goes to. */
  clear(): void
  /** Erases the screen and what has scrolled out of it, as clear(1) does. */
  wipe?(): void
  /** Prints a message, unless `--quiet` was given. */
  say(text: string): void
  /** Prints a message that matters even with `--quiet`. */
  complain(text: string, level?: 'warn' | 'error'): void
  strong(text: string): string
  faint(text: string): string
  good(text: string): string
  bad(text: string): string
  /** Whether messages go to a terminal. */
  readonly interactive: boolean
  /** Columns of that terminal at the moment; absent when messages go elsewhere. */
  readonly columns?: number | undefined
  /** Whether messages go to a terminal that shows ASCII alone. @default false */
  readonly isAscii?: boolean
  /** Whether data may carry styles. */
  readonly colorsData: boolean
  /**
   * Prints messages as JSON, too, from now on: an object with `time`, `level` and `message` per line, without styles.
   */
  talkJson(): void
  /**
   * Shows what takes its time, from 300 ms on, in the last line of the terminal, until it is disposed; absent without a
   * terminal, on one that is `dumb`, in CI systems, and with `--quiet`.
   */
  busy?(text: string): Disposable
}

export interface TerminalOptions {
  readonly quiet: boolean
  /** False after `--no-color`. */
  readonly color: boolean
}

/** Cursor to the upper left corner, and everything after it erased (ECMA-48: CUP, ED). */
const CLEAR = '\u001b[H\u001b[J'

/** The whole screen erased, and the lines that have scrolled out of it (xterm: ED 3). */
const WIPE = '\u001b[H\u001b[2J\u001b[3J'

const DEFAULT_COLUMNS = 80

type Style = Parameters<typeof styleText>[0]

/** The terminal of this process; colours only on a TTY and without `NO_COLOR` (https://no-color.org). */
export function processTerminal(options: TerminalOptions): Terminal {
  const interactive = process.stderr.isTTY === true
  const wantsColor = options.color && (process.env['NO_COLOR'] ?? '') === ''
  const colored = wantsColor && interactive
  let json = false
  const line = interactive && !options.quiet ? ownStatusLine(process.env) : undefined
  const fitData = fitGlyphs(process.stdout, process.env)
  const fitMessage = fitGlyphs(process.stderr, process.env)
  const style = (format: Style) => (text: string) =>
    colored && !json ? styleText(format, text, { validateStream: false }) : text
  const talk = (level: string, text: string): void => {
    line?.giveWay()
    process.stderr.write(`${json ? talkLine(level, text) : fitMessage(safeText(text))}\n`)
  }
  return {
    data: (text) => {
      line?.giveWay()
      process.stdout.write(`${fitData(safeText(text))}\n`)
    },
    clear: () => void process.stdout.write(CLEAR),
    wipe: () => void process.stdout.write(WIPE),
    say: (text) => void (options.quiet || talk('info', text)),
    complain: (text, level = 'error') => talk(level, text),
    strong: style('bold'),
    faint: style('dim'),
    good: style('green'),
    bad: style('red'),
    interactive,
    isAscii: interactive && !showsGlyphs(process.env),
    get columns() {
      // 0 where nobody has told the terminal its size, as `docker exec -t` and serial lines.
      return interactive ? process.stderr.columns || DEFAULT_COLUMNS : undefined
    },
    colorsData: wantsColor && process.stdout.isTTY === true,
    talkJson: () => void (json = true),
    ...(line !== undefined && { busy: (text: string) => line.show(text) }),
  }
}

function talkLine(level: string, text: string): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message: text.trim() })
}
