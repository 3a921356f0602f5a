import { type Command, commands, DEFAULT_COMMAND } from '../commands.ts'
import { meaningOf } from '../help.ts'
import { type Candidates, type Flag, flagsOf, wordsOf } from './candidates.ts'

/** A script for zsh, for a file \`_rip-server\` in a folder of \`fpath\`, or for \`eval\` behind \`compinit\`. */
export function zshCompletion(): string {
  const names = commands.map(({ name }) => name).join('|')
  return `#compdef rip-server
# Completion of rip-server for zsh: a file _rip-server in a folder of fpath, or, behind compinit,
# eval "$(rip-server completion zsh)"

_rip_server_instances() {
  local -a names=(\${(f)"$(\${words[1]:-rip-server} ps --names 2>/dev/null)"})
  (( \${#names} )) && compadd -a names
}

_rip_server_commands() {
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  _describe -t commands command commands
}

_rip_server_first() { _rip_server_commands; _files }
_rip_server_app() { _rip_server_instances; _files -/ }

_rip_server() {
  local command= word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case $word in
      --) _files; return ;;
      ${names}) command=$word; break ;;
    esac
  done
  local -a first=()
  [[ $command ]] && first=(':command:')
  case \${command:-${DEFAULT_COMMAND}} in
${commands.map(commandCase).join('\n')}
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _rip_server "$@"; else compdef _rip_server rip-server; fi
`
}

function commandCase(command: Command): string {
  const specs = flagsOf(command).map((flag) => flagSpec(command, flag))
  const words = command.name === DEFAULT_COMMAND ? [] : wordsOf(command)
  const action = words.length > 1 ? '_rip_server_app' : actionOf(words[0] ?? 'none')
  const rest =
    command.name === DEFAULT_COMMAND
      ? `"*:app:\${\${command:+_files}:-_rip_server_first}"`
      : quoted(`*:${command.usage.split(' ')[0]!.replaceAll(/[^\w]/g, '') || 'word'}:${action}`)
  return [
    `    ${command.name})`,
    `      _arguments -S $first \\`,
    ...specs.map((spec) => `        ${spec} \\`),
    `        ${rest} ;;`,
  ].join('\n')
}

function flagSpec(command: Command, flag: Flag): string {
  const text = `[${meaningOf(command, flag).replaceAll(/[[\]\\]/g, String.raw`\$&`)}]`
  const value =
    flag.candidates === undefined
      ? ''
      : `:${flag.value!.replaceAll(':', String.raw`\:`)}:${actionOf(flag.candidates)}`
  const many = flag.repeatable === true ? '*' : ''
  const long = `--${flag.flag}${flag.candidates === undefined ? '' : '='}`
  if (flag.short === undefined) return quoted(`${many}${long}${text}${value}`)
  const excluded = many === '' ? `(--${flag.flag} -${flag.short})` : '*'
  return `${quoted(excluded)}{${long},-${flag.short}}${quoted(text + value)}`
}

function actionOf(candidates: Candidates): string {
  if (typeof candidates !== 'string') return `(${candidates.join(' ')})`
  return {
    files: '_files',
    folders: '_files -/',
    instances: '_rip_server_instances',
    users: '_users',
    none: ' ',
  }[candidates]
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
