import { durationMs } from '../text/quantity.ts'
import { helpRows, wrapped } from '../text/help-layout.ts'
import { didYouMean } from '../text/suggestion.ts'
import { BalancerError } from '../errors.ts'

/** What an operator does with a balancer that runs, or is to run. */
export const OPERATIONS = ['status', 'requests', 'drain', 'undrain', 'check', 'completion'] as const

export type OperationName = (typeof OPERATIONS)[number]

/** How each is called, and what it does. */
export const OPERATION_HELP: readonly (readonly [words: string, help: string])[] = [
  ['status [--json]', 'shows the balancer and its backends'],
  ['requests [--json]', 'shows requests in flight, the slowest routes and the latest failures'],
  [
    'drain ID [--wait TIME] [--json]',
    'the backend gets no new requests; those under way end in their own time',
  ],
  ['undrain ID [--json]', 'the backend takes requests again'],
  ['check CONFIG [--json]', 'prints every mistake in a configuration with its place'],
  ['completion bash|zsh|fish', 'prints a script with which the shell completes flags, operations and ids'],
]

const FIND_HELP = 'as the balancer was started with, to find it'
const FLAG_HELP: readonly (readonly [words: string, help: string])[] = [
  ['  --admin unix:PATH', `socket of the admin API, ${FIND_HELP}`],
  ['  --config FILE', `configuration, ${FIND_HELP}`],
]
const EXAMPLES: Readonly<Record<OperationName, readonly [string, string]>> = {
  status: ['status --admin unix:/run/balancer.sock', 'status --config balancer.json --json'],
  requests: ['requests --config balancer.json', 'requests --config balancer.json --json'],
  drain: [
    'drain 127.0.0.1:3000 --config balancer.json',
    'drain 127.0.0.1:3000 --wait 30s --config balancer.json',
  ],
  undrain: [
    'undrain 127.0.0.1:3000 --config balancer.json',
    'undrain 127.0.0.1:3000 --admin unix:/run/balancer.sock',
  ],
  check: ['check balancer.json', 'check balancer.json --json'],
  completion: ['completion bash > /etc/bash_completion.d/rip-balancer', 'completion fish | source'],
}

/** The flags of an operation, as help shows them. */
export function operationFlags(name: OperationName): readonly (readonly [words: string, help: string])[] {
  const finds = name !== 'check' && name !== 'completion'
  const wait = ['  --wait TIME', 'wait for those under way; exit 1 when they take longer'] as const
  const json = ['  --json', 'print data as JSON'] as const
  return [
    ...(finds ? FLAG_HELP : []),
    ...(name === 'drain' ? [wait] : []),
    ...(name === 'completion' ? [] : [json]),
    ['  --help', 'print this text'],
  ]
}

/** The text of `--help` behind an operation. */
export function operationHelp(program: string, name: OperationName): string {
  const [words, help] = OPERATION_HELP.find(([each]) => each.startsWith(name))!
  return [
    ...wrapped(`${program} ${name}: ${help}.`),
    '',
    `Usage  ${program} ${words}`,
    '',
    'Options',
    ...helpRows(operationFlags(name)),
    '',
    'Examples',
    ...EXAMPLES[name].map((example) => `  ${program} ${example}`),
    '',
  ].join('\n')
}

/** An operation as it was called. */
export interface Operation {
  readonly name: OperationName
  /** Id of a backend, path of a configuration, or name of a shell. */
  readonly operand: string | undefined
  /** `unix:PATH` of the admin socket. */
  readonly admin: string | undefined
  readonly configFile: string | undefined
  readonly json: boolean
  /** How long to wait for a backend to have nothing under way. */
  readonly waitMs: number | undefined
  readonly help: boolean
}

const VALUES = ['admin', 'config', 'wait'] as const
const OPERANDS = {
  status: undefined,
  requests: undefined,
  drain: 'ID',
  undrain: 'ID',
  check: 'CONFIG',
  completion: 'bash, zsh or fish',
} as const

/** `undefined` when the words are those of a balancer to be started. @throws `USAGE` */
export function parseOperation(words: readonly string[]): Operation | undefined {
  const name = OPERATIONS.find((each) => each === words[0])
  if (name === undefined) return undefined
  const values: { [key in (typeof VALUES)[number]]?: string } = {}
  const operands: string[] = []
  let [json, help] = [false, false]
  for (let at = 1; at < words.length; at++) {
    const word = words[at]!
    const [, flag = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const key = VALUES.find((each) => each === flag)
    if (key !== undefined) values[key] = inline ?? words[++at] ?? lacking(key)
    else if (word === '--json' && name !== 'completion') json = true
    else if (word === '--help' || word === '-h') help = true
    else if (word.startsWith('-')) throw usage(`${name} has no ${word}${hint(flag)}`)
    else operands.push(word)
  }
  const operand = operands[0] ?? (name === 'check' ? values.config : undefined)
  if (!help) refuseOperands(name, operands, operand)
  if (values.wait !== undefined && name !== 'drain') throw usage(`${name} has no --wait`)
  const waitMs = values.wait === undefined ? undefined : (durationMs(values.wait) ?? badWait(values.wait))
  return { name, operand, admin: values.admin, configFile: values.config, json, waitMs, help }
}

function refuseOperands(
  name: Operation['name'],
  operands: readonly string[],
  operand: string | undefined,
): void {
  const expected = OPERANDS[name]
  if (expected !== undefined && operand === undefined) throw usage(`${name} needs ${expected}`)
  const extra = operands[expected === undefined ? 0 : 1]
  if (extra !== undefined) throw usage(`${name} does not know what to do with ${extra}`)
}

const usage = (message: string): BalancerError => new BalancerError('USAGE', { message })

const hint = (flag: string): string =>
  didYouMean(
    `--${flag}`,
    [...VALUES, 'json', 'help'].map((name) => `--${name}`),
  )

function lacking(key: string): never {
  throw usage(`--${key} needs a value`)
}

function badWait(text: string): never {
  throw usage(`--wait needs a duration such as 30s, got "${text}"`)
}
