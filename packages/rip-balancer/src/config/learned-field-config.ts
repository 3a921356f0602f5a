import { DEFAULT_LEARNED_ENTRIES, DEFAULT_LEARNED_FIELD, DEFAULT_LEARNED_LIFETIME_MS } from '../defaults.ts'
import type { LearnedFieldOptions } from '../settings/learned-field.ts'
import type { BalancerConfig, LearnedFieldConfig } from './config.ts'
import { ConfigReader } from './config-reader.ts'

/** A field name (RFC 9110 §5.6.2). */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/
const MAX_ENTRIES = 16_777_216
const MIN_LIFETIME_MS = 1_000

/** A name alone is short for an object with it. */
export function learnedFieldFields(value: BalancerConfig['learnedField']): LearnedFieldConfig | undefined {
  return typeof value === 'string' ? { name: value } : value
}

/** Reads the option `learnedField`. */
export function readLearnedField(value: unknown, problems: string[]): LearnedFieldOptions {
  const given = learnedFieldFields(value as BalancerConfig['learnedField'])
  const reader = new ConfigReader(given, 'learnedField', problems)
  const name = reader.text('name') ?? DEFAULT_LEARNED_FIELD
  if (!NAME.test(name)) reader.problem('name', 'a field name such as mcp-session-id')
  const entries = reader.count('entries', DEFAULT_LEARNED_ENTRIES, 1)
  if (entries > MAX_ENTRIES) reader.problem('entries', `at most ${MAX_ENTRIES}`)
  const lifetimeMs = reader.duration('lifetime', DEFAULT_LEARNED_LIFETIME_MS)
  if (lifetimeMs < MIN_LIFETIME_MS) reader.problem('lifetime', 'at least a second')
  const sharedFile = reader.text('sharedFile')
  reader.end()
  return { name, entries, lifetimeMs, sharedFile }
}
