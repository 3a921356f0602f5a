import { CONTINUED_INDENT, folded } from '../terminal/folded.ts'
import { ENTER } from '../terminal/key-of.ts'
import { table } from '../terminal/table.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** What a developer can do by pressing a key. */
export interface KeyActions {
  reload(): void
  open(): void
  /** A line for each request, from now on or no more. */
  log(): void
  clear(): void
  status(): void
  quit(): void
}

interface KeyCommand {
  readonly key: string
  readonly name: string
  readonly summary: string
  readonly act: keyof KeyActions
}

const commands: readonly KeyCommand[] = [
  {
    key: 'r',
    name: 'reload',
    summary: 'take up what is on disk; if that serves, start its workers anew',
    act: 'reload',
  },
  { key: 'o', name: 'open', summary: 'show the page in the browser', act: 'open' },
  { key: 'l', name: 'log', summary: 'print a line for each request, or no more', act: 'log' },
  { key: 'c', name: 'clear', summary: 'clear the screen', act: 'clear' },
  { key: 's', name: 'status', summary: 'show code, workers, the last refusal', act: 'status' },
  {
    key: 'q',
    name: 'quit',
    summary: 'finish the requests under way, then stop, as Ctrl-C does',
    act: 'quit',
  },
]

/** Where the summaries of the help begin. */
const SUMMARY_COLUMN = 13

const HELP = { key: 'h', name: 'help', summary: 'show this' } as const

/** The keys on one line. */
export const keysLine: string = [...commands, HELP].map(({ key, name }) => `${key} ${name}`).join(' · ')

/** The keys with what they do, a line each. */
export function keysHelp(terminal: Pick<Terminal, 'strong' | 'columns'>): string {
  const rows = [...commands, HELP].map(({ key, name, summary }) => [terminal.strong(key), name, summary])
  const more = 'Ctrl-Z suspends, and fg goes on. Other commands work from another terminal: rip-server --help'
  const lines = table(rows).map((line) => folded(`  ${line}`, terminal.columns, SUMMARY_COLUMN))
  return ['', ...lines, '', folded(`  ${more}`, terminal.columns, CONTINUED_INDENT), ''].join('\n')
}

/** Does what a key asks for. Enter sets off what comes next by an empty line; other keys do nothing. */
export function pressKey(
  key: string,
  actions: KeyActions,
  terminal: Pick<Terminal, 'say' | 'strong' | 'columns'>,
): void {
  if (key === ENTER) return terminal.say('')
  if (key === HELP.key || key === '?') return terminal.say(keysHelp(terminal))
  const command = commands.find((each) => each.key === key)
  if (command !== undefined) actions[command.act]()
}
