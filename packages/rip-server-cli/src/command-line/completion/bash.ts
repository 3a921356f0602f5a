import { bashWords } from '@rip/balancer/text'
import { type Command, commands, DEFAULT_COMMAND } from '../commands.ts'
import { allFlags, type Candidates, type Flag, flagsOf, wordsOf } from './candidates.ts'

/** A script for bash from 3.2 on, which is the one of macOS; nothing else is needed. */
export function bashCompletion(): string {
  const flags = allFlags()
  const names = commands.map(({ name }) => name)
  return `# Completion of rip-server for bash. Load it with: eval "$(rip-server completion bash)"

${bashWords('_rip_server')}
_rip_server_offer() {
  case $1 in
    files) _rip_server_paths -f ;;
    folders) _rip_server_paths -d ;;
    users) _rip_server_words "$(compgen -u)" ;;
    instances) _rip_server_words "$("$program" ps --names 2>/dev/null)" ;;
    words) _rip_server_words "\${2// /$'\\n'}" ;;
  esac
}

_rip_server() {
  local program=$1 words cur prev typed command= word at
  COMPREPLY=()
  _rip_server_read
  _rip_server_find
  _rip_server_cut
}
_rip_server_find() {
  for ((at = 1; at < \${#words[@]} - 1; at++)); do
    word=\${words[at]}
    case $word in
      --) command=--; break ;;
      ${flags
        .filter(({ value }) => value !== undefined)
        .map(spellings)
        .join('|')}) ((at++)) ;;
      -*) ;;
      ${names.join('|')}) [[ $command ]] || command=$word ;;
    esac
  done
  if [[ $command == -- ]]; then _rip_server_offer files; return; fi
  case $prev in
${flags.flatMap(valueCase).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case \${command:-${DEFAULT_COMMAND}} in
${commands.map(flagCase).join('\n')}
    esac
    return
  fi
  case $command in
    '') _rip_server_words "${names.join('\n')}"; _rip_server_offer files ;;
${commands.flatMap(wordCase).join('\n')}
  esac
}
complete -F _rip_server rip-server
`
}

function spellings({ flag, short }: Flag): string {
  return short === undefined ? `--${flag}` : `--${flag}|-${short}`
}

function valueCase(flag: Flag): string[] {
  return flag.candidates === undefined ? [] : [`    ${spellings(flag)}) ${offer(flag.candidates)}return ;;`]
}

function flagCase(command: Command): string {
  const flags = flagsOf(command).map(({ flag }) => `--${flag}`)
  return `      ${command.name}) ${offer(flags)}`.replace(/; $/, ' ;;')
}

function wordCase(command: Command): string[] {
  const offers = wordsOf(command).map(offer).join('')
  return offers === '' ? [] : [`    ${command.name}) ${offers.replace(/; $/, ' ;;')}`]
}

function offer(candidates: Candidates): string {
  if (candidates === 'none') return ''
  if (typeof candidates === 'string') return `_rip_server_offer ${candidates}; `
  return `_rip_server_offer words '${candidates.join(' ')}'; `
}
