import { settingNames, settingSpecs } from '@rip/server/settings'
import { exitCodeMeanings, SIGNAL_EXIT_MEANING } from '../exit-code.ts'
import { type Command, commands } from './commands.ts'
import { meaningOf, shownFlags } from './help.ts'
import { COMMON_FLAGS, type Option, options, SETTING_FLAGS } from './options.ts'

/** `rip-server(1)` for `man`, in the man macros of roff, from the tables that the command line is read by. */
export function manPage(): string {
  const start = commands[0]!
  return [
    '.TH RIP-SERVER 1',
    '.SH NAME',
    text('rip-server - application server for .rip, TypeScript and JavaScript'),
    '.SH SYNOPSIS',
    '.B rip-server',
    text('[command] [app] [options]'),
    '.br',
    '.B rip-server',
    text('[start|dev] [options] -- command'),
    '.SH DESCRIPTION',
    text(
      'Balancer, process manager and workers in one program, the same in development and in production. When a file is ' +
        'saved, or at "rip-server reload", the new code is compiled, started and checked beside the old code before it ' +
        'takes over in one step. Code that does not start never serves.',
    ),
    '.PP',
    text(
      'A command finds the running server by --run-dir, by --name, by the application that is named or in the current ' +
        'folder, or takes the only one that runs. Without a command, start is meant.',
    ),
    '.SH COMMANDS',
    ...commands.flatMap(commandText),
    '.SH SETTINGS',
    text('Of start, dev, manager, check and config, also by their names in rip-server.config.ts:'),
    ...SETTING_FLAGS.flatMap((flag) => optionText(start, options.get(flag)!)),
    '.SH COMMON OPTIONS',
    ...COMMON_FLAGS.flatMap((flag) => optionText(start, options.get(flag)!)),
    '.SH EXIT STATUS',
    ...[...Object.entries(exitCodeMeanings), ['128+n', SIGNAL_EXIT_MEANING] as const].flatMap(
      ([code, meaning]) => ['.TP', `.B ${text(code)}`, text(meaning)],
    ),
    '.SH ENVIRONMENT',
    ...environment().flatMap(([name, meaning]) => ['.TP', `.B ${text(name)}`, text(meaning)]),
    '.SH FILES',
    '.TP',
    `.B ${text('rip-server.config.ts')}`,
    text('Settings of the application, in its folder; also .js, .mjs and .rip.'),
    '.TP',
    `.B ${text('$XDG_RUNTIME_DIR/rip-server/NAME')}`,
    text(
      'The run directory of an instance: its lock, its sockets, and the log that "rip-server logs" prints.',
    ),
    '.SH SEE ALSO',
    text('bun(1), systemd.service(5)'),
    '',
  ].join('\n')
}

function commandText(command: Command): string[] {
  const { name, usage, summary, examples } = command
  const own = shownFlags(command).filter((flag) => !COMMON_FLAGS.includes(flag))
  const takesSettings = own.includes('workers')
  const flags = takesSettings ? own.filter((flag) => !SETTING_FLAGS.includes(flag)) : own
  return [
    `.SS ${text(`rip-server ${name} ${usage}`.trim())}`,
    text(sentence(summary) + (takesSettings ? ' It takes the settings below.' : '')),
    ...flags.flatMap((flag) => optionText(command, options.get(flag)!)),
    '.PP',
    text('Examples:'),
    ...examples.flatMap((example) => ['.PP', '.in +4n', '.nf', text(example), '.fi', '.in']),
  ]
}

function optionText(command: Command, option: Option): string[] {
  const { short, flag, value } = option
  const names = `${short === undefined ? '' : `-${short}, `}--${flag}`
  const argument = value === undefined ? '' : ` \\fI${text(value)}\\fR`
  return ['.TP', `\\fB${text(names)}\\fR${argument}`, text(sentence(meaningOf(command, option)))]
}

function environment(): (readonly [name: string, meaning: string])[] {
  const settings = settingNames.flatMap((name) => {
    const { env, flag } = settingSpecs[name]
    return env === undefined ? [] : [[env, `Sets --${flag}; the flag wins.`] as const]
  })
  return [
    ...settings,
    ['NODE_ENV', 'Of the application. Unless it is set, production for start, and development for dev.'],
    ['NO_COLOR', 'If it is not empty, nothing is printed in colours.'],
  ]
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
}

/** Text in which roff finds no request of its own. */
function text(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^[.']/, String.raw`\&$&`)
}
