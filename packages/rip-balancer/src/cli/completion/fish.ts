import { BACKEND_IDS } from './backend-ids.ts'
import { type Candidates, type CompletedFlag, type CompletedLine, completedLines } from './candidates.ts'

const START = 'start'

/** A script for fish, for `~/.config/fish/completions/rip-balancer.fish`. */
export function fishCompletion(): string {
  const lines = completedLines()
  const operations = lines.filter(({ operation }) => operation !== undefined)
  return `# Completion of rip-balancer for fish: write it to ~/.config/fish/completions/rip-balancer.fish

function __rip_balancer_is
    set -l words (commandline -opc)
    set -l operation ${START}
    contains -- "$words[2]" ${operations.map(({ operation }) => operation).join(' ')}; and set operation $words[2]
    test $operation = $argv[1]
end
function __rip_balancer_is_first
    test (count (commandline -opc)) -eq 1
end
function __rip_balancer_backends
    set -l words (commandline -opc)
    set -l find
    for at in (seq 2 (count $words))
        switch $words[$at]
            case --admin --config
                set -a find $words[$at] $words[(math $at + 1)]
            case '--admin=*' '--config=*'
                set -a find $words[$at]
        end
    end
    $words[1] status --json $find 2>/dev/null | ${BACKEND_IDS}
end
function __rip_balancer_sockets
    set -l token (string replace -r '^--[^=]*=' '' -- (commandline -ct))
    string match -q 'unix:*' -- $token; or echo unix:
    for path in (__fish_complete_path (string replace -r '^unix:' '' -- $token))
        echo unix:$path
    end
end

complete -c rip-balancer -f
${operations.map(({ operation, help }) => `complete -c rip-balancer -n __rip_balancer_is_first -a ${operation} -d ${quoted(help)}`).join('\n')}
${lines.flatMap(linesOf).join('\n')}
`
}

function linesOf({ operation, flags, operand }: CompletedLine): string[] {
  const when = `complete -c rip-balancer -n '__rip_balancer_is ${operation ?? START}'`
  return [
    ...flags.map((flag) => `${when} ${flagWords(flag)}`),
    ...(operand === 'none' ? [] : [`${when} -a ${listOf(operand)}`]),
  ]
}

function flagWords({ name, help, candidates }: CompletedFlag): string {
  const value = candidates === undefined ? '' : ' -x'
  const list = candidates === undefined || candidates === 'none' ? '' : ` -a ${listOf(candidates)}`
  return `-l ${name}${value}${list} -d ${quoted(help)}`
}

function listOf(candidates: Candidates): string {
  if (typeof candidates !== 'string') return quoted(candidates.join(' '))
  return {
    files: "'(__fish_complete_path (commandline -ct))'",
    sockets: "'(__rip_balancer_sockets)'",
    backends: "'(__rip_balancer_backends)'",
    none: "''",
  }[candidates]
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`
}
