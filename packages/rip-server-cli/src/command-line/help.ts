import { helpRows, wrapped } from '@rip/balancer/text'
import type { Terminal } from '../terminal/terminal.ts'
import { type Command, commands, explanationOf } from './commands.ts'
import { COMMON_FLAGS, type Option, options } from './options.ts'

const EXAMPLES: readonly (readonly [command: string, does: string])[] = [
  ['  rip-server init shop', 'write an application to begin with'],
  ['  rip-server dev', 'work on the application in this folder'],
  ['  rip-server ./shop -p 8080', 'serve it in production'],
  ['  rip-server -- npm start', 'run any web application by its own start command'],
]

/** The overview: every command with one line. */
export function overview(terminal: Terminal): string {
  const rows = commands.map((command) => [`  ${command.name}`, command.summary] as const)
  return [
    ...wrapped(
      'rip-server: an application server for .rip, TypeScript and JavaScript: balancer, manager and workers in one.',
    ),
    '',
    `${terminal.strong('Usage')}  rip-server [command] [app] [options]`,
    '',
    terminal.strong('Commands'),
    ...helpRows(rows),
    '',
    terminal.strong('Examples'),
    ...helpRows(EXAMPLES),
    '',
    'Each command explains itself: rip-server <command> --help',
    '',
  ].join('\n')
}

/** Usage, flags and two examples of one command. */
export function commandHelp(command: Command, terminal: Terminal): string {
  return [
    ...wrapped(`rip-server ${command.name}: ${command.summary}.`),
    '',
    `${terminal.strong('Usage')}  rip-server ${`${command.name} ${command.usage}`.trim()}`,
    '',
    terminal.strong('Options'),
    ...helpRows(shownFlags(command).map((flag) => flagRow(command, options.get(flag)!))),
    '',
    ...valueForms(command),
    terminal.strong('Examples'),
    ...command.examples.map((example) => `  ${example}`),
    '',
  ].join('\n')
}

/** How durations and sizes are written, for a command that takes some. */
function valueForms(command: Command): readonly string[] {
  // A moment, which its own line explains.
  const values = new Set(
    shownFlags(command).map((flag) => (flag === 'since' ? undefined : options.get(flag)?.value)),
  )
  const forms = [
    ...(values.has('TIME') ? ['TIME: 250ms, 10s, 5m, 1h, 1d.'] : []),
    ...(values.has('SIZE') ? ['SIZE: 64KiB, 1MiB, 300M.'] : []),
  ]
  return forms.length === 0 ? [] : [forms.join(' '), '']
}

/** The flags of a command that change something, but for `--app`: the application is given as a word. */
export function shownFlags({ flags, idleFlags = [] }: Command): readonly string[] {
  return [...flags, ...COMMON_FLAGS].filter((flag) => flag !== 'app' && !idleFlags.includes(flag))
}

/** What a flag means to a command, with its default. */
export function meaningOf(command: Command, { flag, summary, fallbackText }: Option): string {
  const fallback = fallbackText === undefined ? '' : ` (${fallbackText})`
  return explanationOf(command, flag) ?? summary + fallback
}

/** The commands and their flags as data, for completion scripts and documentation. */
export function commandData(): readonly object[] {
  return commands.map(({ name, summary, usage, flags, examples }) => ({
    name,
    summary,
    usage,
    examples,
    flags: [...flags, ...COMMON_FLAGS].map((flag) => options.get(flag)),
  }))
}

function flagRow(command: Command, option: Option): readonly [string, string] {
  const short = option.short === undefined ? '    ' : `-${option.short}, `
  const value = option.value === undefined ? '' : ` ${option.value}`
  return [`  ${short}--${option.flag}${value}`, meaningOf(command, option)]
}
