import { styleText } from 'node:util'

/** Where a command writes: data to stdout, talk to stderr. Both ends may be closed at any time. */
export interface Terminal {
  /** Data: a line per call, without styles when piped. */
  data(text: string): void
  /** Talk for people; nothing when quiet. */
  say(text: string): void
  /** What must be read even when quiet. */
  complain(text: string): void
  strong(text: string): string
  faint(text: string): string
  good(text: string): string
  bad(text: string): string
  /** Whether somebody watches the talk. */
  readonly interactive: boolean
}

export interface TerminalOptions {
  readonly quiet: boolean
  /** False after `--no-color`. */
  readonly color: boolean
}

type Style = Parameters<typeof styleText>[0]

/** The terminal of this process; colours only on a TTY and without `NO_COLOR` (https://no-color.org). */
export function processTerminal(options: TerminalOptions): Terminal {
  const interactive = process.stderr.isTTY === true
  const colored = options.color && interactive && (process.env['NO_COLOR'] ?? '') === ''
  const style = (format: Style) => (text: string) =>
    colored ? styleText(format, text, { validateStream: false }) : text
  return {
    data: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void (options.quiet || process.stderr.write(`${text}\n`)),
    complain: (text) => void process.stderr.write(`${text}\n`),
    strong: style('bold'),
    faint: style('dim'),
    good: style('green'),
    bad: style('red'),
    interactive,
  }
}
