import { POLICIES } from '../../pool/policy.ts'
import { UNKNOWN_METHODS } from '../../settings/unknown-methods.ts'
import type { AccessLogFormat } from '../../settings/access-log-format.ts'
import { FLAGS } from '../flags.ts'
import { OPERATION_HELP, type OperationName, operationFlags } from '../operations.ts'

/** Shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

/**
 * What a shell offers: fixed words, or what it finds itself. `sockets` are addresses `unix:PATH`, `backends` the ids at the
 * balancer that `--admin` or `--config` finds, `none` what only the operator knows.
 */
export type Candidates = readonly string[] | 'files' | 'sockets' | 'backends' | 'none'

/** A flag as help shows it. */
export interface CompletedFlag {
  readonly name: string
  readonly help: string
  /** What may follow it; absent for a switch. */
  readonly candidates?: Candidates
}

/** An operation, or the start of a balancer, with what may be typed behind it. */
export interface CompletedLine {
  /** Absent for the start of a balancer. */
  readonly operation?: OperationName
  readonly help: string
  readonly flags: readonly CompletedFlag[]
  readonly operand: Candidates
}

/** Operands by operation. */
const OPERANDS: Readonly<Record<OperationName, Candidates>> = {
  status: 'none',
  requests: 'none',
  drain: 'backends',
  undrain: 'backends',
  check: 'files',
  completion: SHELLS,
}

const ACCESS_LOG_FORMATS: readonly AccessLogFormat[] = ['none', 'text', 'json']

const NAMED_VALUES: Readonly<Record<string, Candidates>> = {
  policy: POLICIES,
  'unknown-methods': UNKNOWN_METHODS,
  'access-log': ACCESS_LOG_FORMATS,
}

/** Every line that can be typed. */
export function completedLines(): readonly CompletedLine[] {
  const starting = [
    ...FLAGS.map(({ name, value, help }) => completedFlag(name, value, help)),
    completedFlag('config', 'FILE', 'configuration'),
    completedFlag('help', undefined, 'print help'),
    completedFlag('version', undefined, 'print the version'),
  ]
  return [
    { help: 'start a balancer', flags: starting, operand: 'none' },
    ...OPERATION_HELP.map(([words, help]) => {
      const operation = words.split(' ')[0] as OperationName
      const flags = operationFlags(operation).map(([left, text]) => {
        const [, name = '', value] = /^ *--([\w-]+)(?: (.+))?$/.exec(left) ?? []
        return completedFlag(name, value, text)
      })
      return { operation, help, flags, operand: OPERANDS[operation] }
    }),
  ]
}

function completedFlag(name: string, value: string | undefined, help: string): CompletedFlag {
  return value === undefined ? { name, help } : { name, help, candidates: valuesOf(name, value) }
}

function valuesOf(name: string, value: string): Candidates {
  if (value.includes('|')) return value.split('|')
  if (value === 'FILE') return 'files'
  if (value === 'unix:PATH' || value === 'ADDRESS') return 'sockets'
  return NAMED_VALUES[name] ?? 'none'
}
