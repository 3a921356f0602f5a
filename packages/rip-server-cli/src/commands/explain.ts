import { fileKey, ServerError, settingNames, shownSetting, withoutSecrets } from '@rip/server/settings'
import { locateApp } from '@rip/server/sources'
import { type CommandLine, parseCommandLine } from '../command-line/command-line.ts'
import { commandNamed } from '../command-line/commands.ts'
import { commandHelp } from '../command-line/help.ts'
import { LAN_FLAG, options, SETTING_FLAGS } from '../command-line/options.ts'
import { ExitCode } from '../exit-code.ts'
import { type Invocation, invocationSettings } from '../invocation.ts'
import { folded } from '../terminal/folded.ts'
import { table } from '../terminal/table.ts'

/** What people copy from a terminal before the words that matter. */
const PROGRAM = /^(?:\$|bunx|npx|-y|(?:.*\/)?rip-server)$/

/** Says what the words of a command line mean, and which settings come of them. Starts nothing. */
export async function explain(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const [first = ''] = invocation.line.words
  if (first === '--help' || first === '-h') {
    terminal.data(commandHelp(commandNamed('explain')!, terminal))
    return ExitCode.done
  }
  const from = invocation.line.words.findIndex((word) => !PROGRAM.test(word))
  const args = from === -1 ? [] : invocation.line.words.slice(from)
  const line = parseCommandLine(args)
  terminal.data(`${terminal.strong(['rip-server', ...args].join(' '))}\n`)
  const rows = meanings(line, args)
  const indent = 4 + Math.max(...rows.map(([written = '']) => Bun.stringWidth(written)))
  for (const row of table(rows)) terminal.data(folded(`  ${row}`, terminal.columns, indent))
  if (takesSettings(line)) await showSettings({ ...invocation, line }, args)
  return ExitCode.done
}

function takesSettings({ command, flags }: CommandLine): boolean {
  const isAsked = flags.has('help') || flags.has('version')
  return !isAsked && SETTING_FLAGS.every((flag) => command.flags.includes(flag))
}

/** What each part means, in the order in which they were written. */
function meanings(line: CommandLine, args: readonly string[]): string[][] {
  const { command, named, words, flags } = line
  const at = (written: string): number => args.findIndex((arg) => isPartOf(arg, written))
  const parts = [
    ...[...flags].map(([name, { value, written }]) => ({
      at: at(written),
      row: [written, flagMeaning(name, value, written)],
    })),
    ...words.map((word, index) => ({ at: args.lastIndexOf(word), row: [word, wordMeaning(line, index)] })),
  ].toSorted((a, b) => a.at - b.at)
  const implied = named ? '' : ', as no other command is named'
  const first = [command.name, `${command.summary}${implied}`]
  if (command.handsOn && words.length > 0)
    return [first, [words.join(' '), `handed on as it is; rip-server ${command.name} --help explains it`]]
  return [first, ...parts.map(({ row }) => row)]
}

/** Whether an option, of which we know how it was written, begins with this argument: `-w 4`, `-w4` and `--workers=4`. */
function isPartOf(arg: string, written: string): boolean {
  const [name = '', ...values] = written.split(' ')
  const value = values.join(' ')
  return [written, name, `${name}${value}`, `${name}=${value}`].includes(arg)
}

function flagMeaning(name: string, value: string, written: string): string {
  const { flag, value: placeholder, summary } = options.get(name)!
  if (written.startsWith(`--${LAN_FLAG}`)) return options.get(LAN_FLAG)!.summary
  const long = placeholder === undefined ? `--${flag}` : `--${flag} ${value}`
  return long === written || written.startsWith('-- ') ? summary : `${long}: ${summary}`
}

/** By what the command says of its words. */
function wordMeaning({ command }: CommandLine, index: number): string {
  const names = command.usage.split(' ').filter((name) => !/options|^\[?--|^command\]$/.test(name))
  const name = (names[index] ?? names.at(-1) ?? '').replace(/^\[(.*)\]$/, '$1')
  return name === 'app' ? 'the application: its file or folder' : name
}

/** The settings of a start with these words that are not the defaults. */
async function showSettings(invocation: Invocation, args: readonly string[]): Promise<void> {
  const { terminal, line } = invocation
  const mode = line.command.name === 'dev' ? 'development' : 'production'
  const others = [...(line.named ? args.filter((arg) => arg !== line.command.name) : args)]
  const isForLan = line.flags.get('bind')?.written === `--${LAN_FLAG}`
  const host = others.indexOf(`--${LAN_FLAG}`)
  if (host !== -1) others.splice(host, 1, '--bind', ...(isForLan ? ['0.0.0.0'] : []))
  const all = ['rip-server config --sources', ...others].join(' ')
  try {
    const { settings, origins } = await invocationSettings(invocation, mode, line.words[0])
    locateApp(settings.app)
    const shown = withoutSecrets(settings)
    const rows = settingNames
      .filter((name) => !origins[name].startsWith('default'))
      .map((name) => [fileKey(name), shownSetting(name, shown), origins[name]])
    if (rows.length === 0)
      return terminal.data(`\nall settings have their defaults; they are shown by\n  ${all}`)
    terminal.data('\nsettings that are not the defaults, and where they come from\n')
    for (const row of table(rows)) terminal.data(`  ${row}`)
    terminal.data(`\nall of them are shown by\n  ${all}`)
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    terminal.data(`\nit would not start: ${error.message}`)
  }
}
