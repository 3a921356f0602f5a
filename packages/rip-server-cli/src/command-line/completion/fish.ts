import { type Command, commands, DEFAULT_COMMAND } from '../commands.ts'
import { meaningOf } from '../help.ts'
import { type Candidates, type Flag, flagsOf, wordsOf } from './candidates.ts'

/** A script for fish, for \`~/.config/fish/completions/rip-server.fish\`. */
export function fishCompletion(): string {
  const names = commands.map(({ name }) => name).join(' ')
  return `# Completion of rip-server for fish: write it to ~/.config/fish/completions/rip-server.fish

function __rip_server_command
    for word in (commandline -opc)[2..-1]
        switch $word
            case ${names}
                echo $word
                return
        end
    end
    echo ${DEFAULT_COMMAND}
end
function __rip_server_is
    test (__rip_server_command) = $argv[1]
end
function __rip_server_is_first
    not string match -qr '^(?:${names.replaceAll(' ', '|')})$' -- (commandline -opc)[2..-1]
end

complete -c rip-server -f
complete -c rip-server -n '__rip_server_is_first' -a '(__fish_complete_path (commandline -ct))'
${commands.map(({ name, summary }) => `complete -c rip-server -n '__rip_server_is_first' -a ${name} -d ${quoted(summary)}`).join('\n')}
${commands.flatMap(linesOf).join('\n')}
`
}

function linesOf(command: Command): string[] {
  const when = `complete -c rip-server -n '__rip_server_is ${command.name}'`
  return [
    ...flagsOf(command).map((flag) => [when, ...flagWords(command, flag)].join(' ')),
    ...wordsOf(command).map((candidates) => `${when} -a ${listOf(candidates)}`),
  ]
}

function flagWords(command: Command, { candidates, ...flag }: Flag): string[] {
  return [
    `-l ${flag.flag}`,
    ...(flag.short === undefined ? [] : [`-s ${flag.short}`]),
    ...(candidates === undefined ? [] : ['-x']),
    ...(candidates === undefined || candidates === 'none' ? [] : [`-a ${listOf(candidates)}`]),
    `-d ${quoted(meaningOf(command, flag))}`,
  ]
}

function listOf(candidates: Candidates): string {
  if (typeof candidates !== 'string') return quoted(candidates.join(' '))
  return {
    files: "'(__fish_complete_path (commandline -ct))'",
    folders: "'(__fish_complete_directories (commandline -ct))'",
    instances: "'(rip-server ps --names 2>/dev/null)'",
    users: "'(__fish_complete_users)'",
    none: "''",
  }[candidates]
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`
}
