import { BUILT_IN_COERCERS } from './coercers.ts'
import type { Coercer, Coercers } from './coercers.ts'
import type { Field } from './field.ts'
import type { SchemaIssue } from './schema-error.ts'
import type { ValueCheck } from './value-check.ts'

/** Reads one field of an input: transform or plain value, conversion, default, presence, check. */
export interface FieldReader {
  readonly field: Field
  read(input: Record<string, unknown>, path: string, issues: SchemaIssue[]): unknown
  readAsync(input: Record<string, unknown>, path: string, issues: SchemaIssue[]): Promise<unknown>
}

/** Stands for a value for which an issue was already added. */
const FAULTY = Symbol('faulty')

export function fieldReader(field: Field, check: ValueCheck, coercers: Coercers): FieldReader {
  const prepare = (input: Record<string, unknown>, at: string, issues: SchemaIssue[]): unknown => {
    const taken = take(field, input, at, issues)
    const converted = field.coerce ? convert(field, taken, at, issues, coercers) : taken
    if (converted === FAULTY) return FAULTY
    const value = converted ?? field.constraints.default ?? converted
    if (value !== undefined && value !== null) return value
    if (!field.required) return value
    issues.push({ field: at, error: 'required', message: `${at} is required` })
    return FAULTY
  }
  return {
    field,
    read(input, path, issues) {
      const at = path + field.name
      const value = prepare(input, at, issues)
      if (value === FAULTY) return undefined
      return value === undefined || value === null ? value : check.check(value, at, issues)
    },
    async readAsync(input, path, issues) {
      const at = path + field.name
      const value = prepare(input, at, issues)
      if (value === FAULTY) return undefined
      if (value === undefined || value === null) return value
      return check.checkAsync ? check.checkAsync(value, at, issues) : check.check(value, at, issues)
    },
  }
}

/** Whether every object inherits a property of that name. */
export function isInherited(name: string): boolean {
  return name in Object.prototype
}

function take(field: Field, input: Record<string, unknown>, at: string, issues: SchemaIssue[]): unknown {
  const { name, transform } = field
  if (!transform) return isInherited(name) && !Object.hasOwn(input, name) ? undefined : input[name]
  try {
    return transform(input)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    issues.push({ field: at, error: 'transform', message })
    return FAULTY
  }
}

function convert(
  field: Field,
  value: unknown,
  at: string,
  issues: SchemaIssue[],
  coercers: Coercers,
): unknown {
  if (value === undefined || value === null || value === FAULTY) return value
  const { coercer, typeName } = field
  const convertValue: Coercer = coercer === undefined ? BUILT_IN_COERCERS[typeName]! : coercers.get(coercer)
  const converted = convertSafely(convertValue, value)
  const isBuiltIn = coercer === undefined
  const failed = converted === undefined || converted === null || (converted === false && !isBuiltIn)
  if (!failed) return converted
  issues.push({ field: at, error: 'coerce', message: `${at} is not a valid ${coercer ?? typeName}` })
  return FAULTY
}

/** Converts a value; a converter that throws counts as one that cannot convert it. */
function convertSafely(convertValue: Coercer, value: unknown): unknown {
  try {
    return convertValue(value)
  } catch {
    return undefined
  }
}
