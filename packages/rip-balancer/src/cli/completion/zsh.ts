import { BACKEND_IDS } from './backend-ids.ts'
import { type Candidates, type CompletedFlag, type CompletedLine, completedLines } from './candidates.ts'

/** A script for zsh, for a file `_rip-balancer` in a folder of `fpath`, or for `eval` behind `compinit`. */
export function zshCompletion(): string {
  const lines = completedLines()
  const operations = lines.filter(({ operation }) => operation !== undefined)
  return `#compdef rip-balancer
# Completion of rip-balancer for zsh: a file _rip-balancer in a folder of fpath, or, behind compinit,
# eval "$(rip-balancer completion zsh)"

_rip_balancer_backends() {
  local at; local -a find=() ids=()
  for ((at = 2; at < CURRENT; at++)); do
    case \${words[at]} in
      --admin|--config) find+=("\${words[at]}" "\${words[at+1]}") ;;
      --admin=*|--config=*) find+=("\${words[at]}") ;;
    esac
  done
  ids=(\${(f)"$(\${words[1]} status --json $find 2>/dev/null | ${BACKEND_IDS})"})
  (( \${#ids} )) && compadd -a ids
}
_rip_balancer_sockets() { if compset -P unix:; then _files; else compadd -S '' unix:; fi }
_rip_balancer_operations() {
  local -a operations=(
${operations.map(({ operation, help }) => `    ${quoted(`${operation}:${help}`)}`).join('\n')}
  )
  _describe -t operations operation operations
}

_rip_balancer() {
  local operation=
  (( CURRENT > 2 )) && operation=\${words[2]}
  case $operation in
${operations.map(lineCase).join('\n')}
${lines
  .filter(({ operation }) => operation === undefined)
  .map(lineCase)
  .join('\n')}
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _rip_balancer "$@"; else compdef _rip_balancer rip-balancer; fi
`
}

function lineCase({ operation, flags, operand }: CompletedLine): string {
  const words =
    operation === undefined
      ? ["'1::operation:_rip_balancer_operations'"]
      : ["'1:operation:'", ...operandSpec(operand)]
  return [
    `    ${operation ?? '*'})`,
    `      _arguments -S \\`,
    ...flags.map((flag) => `        ${flagSpec(flag)} \\`),
    `        ${words.join(' ')} ;;`,
  ].join('\n')
}

function operandSpec(operand: Candidates): readonly string[] {
  return operand === 'none' ? [] : [quoted(`2:operand:${actionOf(operand)}`)]
}

function flagSpec({ name, help, candidates }: CompletedFlag): string {
  const text = `[${help.replaceAll(/[[\]\\]/g, String.raw`\$&`)}]`
  // A colon would end the description of the value.
  return candidates === undefined
    ? quoted(`--${name}${text}`)
    : quoted(`*--${name}=${text}:${name}:${actionOf(candidates)}`)
}

function actionOf(candidates: Candidates): string {
  if (typeof candidates !== 'string') return `(${candidates.join(' ')})`
  return {
    files: '_files',
    sockets: '_rip_balancer_sockets',
    backends: '_rip_balancer_backends',
    none: ' ',
  }[candidates]
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
