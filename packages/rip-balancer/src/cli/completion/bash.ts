import { bashWords } from '../../text/bash-words.ts'
import { BACKEND_IDS } from './backend-ids.ts'
import { type Candidates, type CompletedFlag, type CompletedLine, completedLines } from './candidates.ts'

/** A script for bash from 3.2 on, which is the one of macOS; nothing else is needed. */
export function bashCompletion(): string {
  const lines = completedLines()
  const operations = lines.flatMap(({ operation }) => operation ?? [])
  const flags = new Map(lines.flatMap((line) => line.flags.map((flag) => [flag.name, flag])))
  return `# Completion of rip-balancer for bash. Load it with: eval "$(rip-balancer completion bash)"

${bashWords('_rip_balancer')}
_rip_balancer_backends() {
  local at find=()
  for ((at = 1; at < \${#words[@]} - 1; at++)); do
    case \${words[at]} in
      --admin|--config) find+=("\${words[at]}" "\${words[at+1]}") ;;
      --admin=*|--config=*) find+=("\${words[at]}") ;;
    esac
  done
  _rip_balancer_words "$("$program" status --json \${find[@]+"\${find[@]}"} 2>/dev/null | ${BACKEND_IDS})"
}
_rip_balancer_offer() {
  local path
  case $1 in
    files) _rip_balancer_paths -f ;;
    backends) _rip_balancer_backends ;;
    words) _rip_balancer_words "\${2// /$'\\n'}" ;;
    sockets)
      compopt -o nospace 2>/dev/null
      if [[ $cur != unix:* ]]; then _rip_balancer_words unix:; return; fi
      while IFS= read -r path; do
        [[ -d $path ]] && path+=/
        COMPREPLY+=("unix:$path")
      done < <(compgen -f -- "\${cur#unix:}") ;;
  esac
}

_rip_balancer() {
  local program=$1 words cur prev typed operation=
  COMPREPLY=()
  _rip_balancer_read
  _rip_balancer_find
  _rip_balancer_cut
}
_rip_balancer_find() {
  [[ \${#words[@]} -gt 2 ]] && case \${words[1]} in ${operations.join('|')}) operation=\${words[1]} ;; esac
  case $prev in
${[...flags.values()].flatMap(valueCase).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case $operation in
${lines.map(flagCase).join('\n')}
    esac
    return
  fi
  case $operation in
    '') [[ \${#words[@]} -eq 2 ]] && _rip_balancer_words "${operations.join('\n')}" ;;
${lines.flatMap(operandCase).join('\n')}
  esac
}
complete -F _rip_balancer rip-balancer
`
}

function valueCase({ name, candidates }: CompletedFlag): string[] {
  if (candidates === undefined) return []
  return [
    candidates === 'none' ? `    --${name}) return ;;` : `    --${name}) ${offer(candidates)}; return ;;`,
  ]
}

function flagCase({ operation, flags }: CompletedLine): string {
  return `      ${operation ?? "''"}) ${offer(flags.map(({ name }) => `--${name}`))} ;;`
}

function operandCase({ operation, operand }: CompletedLine): string[] {
  return operation === undefined || operand === 'none' ? [] : [`    ${operation}) ${offer(operand)} ;;`]
}

function offer(candidates: Candidates): string {
  if (typeof candidates === 'string') return `_rip_balancer_offer ${candidates}`
  return `_rip_balancer_offer words '${candidates.join(' ')}'`
}
