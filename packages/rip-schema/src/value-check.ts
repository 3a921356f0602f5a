import { dateOf } from './coercers.ts'
import type { Field } from './field.ts'
import { isDateType, isOfType, isPlainType } from './field-types.ts'
import type { SchemaDef } from './schema-def.ts'
import type { SchemaIssue } from './schema-error.ts'

/** Checks one value that is present, adds its issues, and returns the resulting value. */
export interface ValueCheck {
  readonly check: (value: unknown, at: string, issues: SchemaIssue[]) => unknown
  /** The same for schemas with asynchronous rules; missing if no rule is asynchronous. */
  readonly checkAsync?: (value: unknown, at: string, issues: SchemaIssue[]) => Promise<unknown>
}

/** The check of a field's type and limits; transform, conversion and default come before it. */
export function valueCheck(field: Field, resolve: (name: string) => SchemaDef | undefined): ValueCheck {
  const { literals, typeName } = field
  const single = literals
    ? literalCheck(literals)
    : isPlainType(typeName)
      ? plainCheck(typeName)
      : schemaCheck(typeName, resolve)
  return field.array ? listCheck(field, single) : withLimits(field, single)
}

function fault(issues: SchemaIssue[], field: string, error: string, message: string): undefined {
  issues.push({ field, error, message })
  return undefined
}

function literalCheck(literals: readonly string[]): ValueCheck {
  const list = literals.map((text) => JSON.stringify(text)).join(', ')
  return {
    check: (value, at, issues) =>
      literals.includes(value as string) ? value : fault(issues, at, 'enum', `${at} must be one of ${list}`),
  }
}

function plainCheck(typeName: string): ValueCheck {
  if (isDateType(typeName)) return dateCheck(typeName)
  return {
    check: (value, at, issues) =>
      isOfType(typeName, value) ? value : fault(issues, at, 'type', `${at} must be ${typeName}`),
  }
}

function dateCheck(typeName: string): ValueCheck {
  return {
    check(value, at, issues) {
      const date = typeof value === 'string' ? dateOf(value) : value
      if (date instanceof Date && !Number.isNaN(date.getTime())) return date
      return fault(issues, at, 'type', `${at} must be ${typeName}`)
    },
  }
}

/** The check of a schema by its name; a name that is not declared accepts anything. */
function schemaCheck(name: string, resolve: (name: string) => SchemaDef | undefined): ValueCheck {
  const accepts = (
    schema: SchemaDef | undefined,
    value: unknown,
    at: string,
    issues: SchemaIssue[],
  ): boolean => {
    if (!schema || schema.kind === 'enum' || schema.kind === 'union' || isRecord(value)) return true
    fault(issues, at, 'type', `${at} must be a ${name} object`)
    return false
  }
  return {
    check(value, at, issues) {
      const schema = resolve(name)
      if (!accepts(schema, value, at, issues)) return undefined
      return schema ? schema.validator.check(value, at, issues) : value
    },
    async checkAsync(value, at, issues) {
      const schema = resolve(name)
      if (!accepts(schema, value, at, issues)) return undefined
      return schema ? schema.validator.checkAsync(value, at, issues) : value
    },
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Checks a list: first its own limits, then its elements. */
function listCheck(field: Field, single: ValueCheck): ValueCheck {
  const { checkAsync } = single
  const notList = (at: string, issues: SchemaIssue[]): undefined =>
    fault(issues, at, 'type', `${at} must be an array`)
  const check = (value: unknown, at: string, issues: SchemaIssue[]): unknown => {
    if (!Array.isArray(value)) return notList(at, issues)
    addLimitIssues(field, value, at, issues)
    return Array.from(value, (item: unknown, index) => single.check(item, `${at}[${index}]`, issues))
  }
  if (!checkAsync) return { check }
  return {
    check,
    async checkAsync(value, at, issues) {
      if (!Array.isArray(value)) return notList(at, issues)
      addLimitIssues(field, value, at, issues)
      return inOrder(value, issues, (item, index, own) => checkAsync(item, `${at}[${index}]`, own))
    },
  }
}

/** Checks items concurrently, and keeps their issues in the order of the items. */
export async function inOrder<T>(
  items: readonly T[],
  issues: SchemaIssue[],
  check: (item: T, index: number, own: SchemaIssue[]) => Promise<unknown>,
): Promise<unknown[]> {
  const faults = items.map((): SchemaIssue[] => [])
  const values = await Promise.all(items.map((item, index) => check(item, index, faults[index]!)))
  issues.push(...faults.flat())
  return values
}

function withLimits(field: Field, inner: ValueCheck): ValueCheck {
  const { min, max, regex } = field.constraints
  if (min === undefined && max === undefined && regex === undefined) return inner
  const { check, checkAsync } = inner
  const limited = {
    check(value: unknown, at: string, issues: SchemaIssue[]): unknown {
      const before = issues.length
      const checked = check(value, at, issues)
      if (issues.length === before) addLimitIssues(field, checked, at, issues)
      return checked
    },
  }
  if (!checkAsync) return limited
  return {
    ...limited,
    async checkAsync(value, at, issues) {
      const before = issues.length
      const checked = await checkAsync(value, at, issues)
      if (issues.length === before) addLimitIssues(field, checked, at, issues)
      return checked
    },
  }
}

/** Units in the messages about a size, by type of the value. */
const UNITS: Readonly<Record<string, readonly [least: string, most: string, unit: string]>> = {
  string: ['must be at least', 'must be at most', ' chars'],
  object: ['must have at least', 'must have at most', ' items'],
  number: ['must be >=', 'must be <=', ''],
}

function addLimitIssues(field: Field, value: unknown, at: string, issues: SchemaIssue[]): void {
  const { min, max, regex } = field.constraints
  const size = sizeOf(value)
  if (size !== undefined) {
    const [least, most, unit] = UNITS[typeof value]!
    if (min !== undefined && size < min) fault(issues, at, 'min', `${at} ${least} ${min}${unit}`)
    if (max !== undefined && size > max) fault(issues, at, 'max', `${at} ${most} ${max}${unit}`)
  }
  if (regex && typeof value === 'string' && !matches(regex, value))
    fault(issues, at, 'pattern', `${at} is invalid`)
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' || Array.isArray(value) ? value.length : undefined
}

/** Matches from the start of the text each time, with any flags of the pattern. */
function matches(regex: RegExp, text: string): boolean {
  regex.lastIndex = 0
  const found = regex.test(text)
  regex.lastIndex = 0
  return found
}
