import type { Terminal } from '../terminal/terminal.ts'
import { type Command, commands } from './commands.ts'
import { COMMON_FLAGS, type Option, options } from './options.ts'

/** The overview: every command with one line. */
export function overview(terminal: Terminal): string {
  const rows = commands.map((command) => [`  ${command.name}`, command.summary] as const)
  return [
    'rip-server serves a .rip, TypeScript or JavaScript application: balancer, manager and workers in one.',
    '',
    `${terminal.strong('Usage')}  rip-server [command] [app] [options]`,
    '',
    ...columns(rows),
    '',
    `${terminal.strong('Examples')}`,
    '  rip-server init shop                    write an application to begin with',
    '  rip-server dev                          work on the application in this folder',
    '  rip-server ./shop --port 8080           serve it in production',
    '  rip-server -- npm start                 run any web application by its own start command',
    '',
    'Each command explains itself: rip-server <command> --help',
    '',
  ].join('\n')
}

/** Usage, flags and two examples of one command. */
export function commandHelp(command: Command, terminal: Terminal): string {
  const flags = [...command.flags, ...COMMON_FLAGS].filter((flag) => flag !== 'app')
  const rows = flags.map((flag) => flagRow(options.get(flag)!))
  return [
    `rip-server ${command.name}: ${command.summary}.`,
    '',
    `${terminal.strong('Usage')}  rip-server ${`${command.name} ${command.usage}`.trim()}`,
    '',
    ...columns(rows),
    '',
    terminal.strong('Examples'),
    ...command.examples.map((example) => `  ${example}`),
    '',
  ].join('\n')
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

function flagRow(option: Option): readonly [string, string] {
  const short = option.short === undefined ? '    ' : `-${option.short}, `
  const value = option.value === undefined ? '' : ` ${option.value}`
  const fallback = option.fallbackText === undefined ? '' : ` (${option.fallbackText})`
  return [`  ${short}--${option.flag}${value}`, option.summary + fallback]
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 3
  return rows.map(([left, right]) => left.padEnd(width) + right)
}
