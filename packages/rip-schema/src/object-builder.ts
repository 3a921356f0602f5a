import type { Field } from './field.ts'
import { FORMATS } from './field-types.ts'
import { isInherited } from './field-reader.ts'
import type { FieldReader } from './field-reader.ts'
import type { SchemaIssue } from './schema-error.ts'

/** Reads all fields of an input and builds the value from them; the value counts only if no issue was added. */
export type BuildObject = (input: Record<string, unknown>, path: string, issues: SchemaIssue[]) => unknown

/** Creates an empty value of a schema: a plain object or an instance of its class. */
export type Construct = new () => Record<string, unknown>

/**
 * Makes a builder that the JavaScript engine can optimise: one generated function with the checks of all fields written
 * out. Fields that cannot be written as code are left to their readers, which also make all issues. Where generating
 * code is forbidden, a slower loop does the same.
 */
export function objectBuilder(
  readers: readonly FieldReader[],
  construct: Construct | undefined,
): BuildObject {
  try {
    return compileBuilder(readers, construct)
  } catch (error) {
    if (!(error instanceof EvalError)) throw error
    return loopBuilder(readers, construct)
  }
}

/** The same as {@link objectBuilder}, as a loop. */
export function loopBuilder(readers: readonly FieldReader[], construct: Construct | undefined): BuildObject {
  return (input, path, issues) => {
    const value = construct ? new construct() : {}
    for (const reader of readers) {
      const found = reader.read(input, path, issues)
      if (found !== undefined) value[reader.field.name] = found
    }
    return value
  }
}

function compileBuilder(readers: readonly FieldReader[], construct: Construct | undefined): BuildObject {
  const patterns: RegExp[] = []
  const lines = readers.map((reader, index) => readLine(reader.field, index, patterns))
  const body = `'use strict'
return (input, path, issues) => {
  const before = issues.length
${lines.join('\n')}
  if (issues.length !== before) return undefined
${buildLines(readers, construct !== undefined).join('\n')}
}`
  // The code contains only field names, which are plain words, and texts as JSON.
  // oxlint-disable-next-line typescript/no-implied-eval
  const make = new Function('readers', 'patterns', 'Construct', body) as (...values: unknown[]) => BuildObject
  return make(readers, patterns, construct)
}

function readLine(field: Field, index: number, patterns: RegExp[]): string {
  const value = `v${index}`
  const slow = `${value} = readers[${index}].read(input, path, issues)`
  const test = failure(field, value, patterns)
  if (test === undefined) return `  let ${slow}`
  const absent = field.required || field.constraints.default !== undefined ? '' : `${value} !== undefined && `
  return `  let ${value} = input.${field.name}\n  if (${absent}(${test})) ${slow}`
}

/**
 * A condition that holds for every invalid value, and for values that only the reader can judge; undefined if the
 * condition cannot be written as code.
 */
function failure(field: Field, value: string, patterns: RegExp[]): string | undefined {
  const { array, coerce, constraints, literals, name, transform, typeName } = field
  if (array || coerce || transform || isInherited(name)) return undefined
  const { max, min, regex } = constraints
  if (literals)
    return min === undefined && max === undefined && !regex
      ? literals.map((text) => `${value} !== ${JSON.stringify(text)}`).join(' && ')
      : undefined
  if (regex && /[gy]/.test(regex.flags)) return undefined
  if (Object.hasOwn(FORMATS, typeName)) {
    const format = FORMATS[typeName]
    const tests = [format, regex].filter((pattern) => pattern !== undefined)
    const matches = tests.map((pattern) => `!patterns[${patterns.push(pattern) - 1}].test(${value})`)
    return [`typeof ${value} !== 'string'`, ...outOfRange(field, `${value}.length`), ...matches].join(' || ')
  }
  if (typeName === 'number')
    return [`typeof ${value} !== 'number'`, `${value} !== ${value}`, ...outOfRange(field, value)].join(' || ')
  if (typeName === 'integer') return [`!Number.isInteger(${value})`, ...outOfRange(field, value)].join(' || ')
  return typeName === 'boolean' ? `typeof ${value} !== 'boolean'` : undefined
}

function outOfRange({ constraints: { min, max } }: Field, size: string): string[] {
  return [
    ...(min === undefined ? [] : [`${size} < ${Number(min)}`]),
    ...(max === undefined ? [] : [`${size} > ${Number(max)}`]),
  ]
}

function buildLines(readers: readonly FieldReader[], hasClass: boolean): string[] {
  if (hasClass) {
    const sets = readers.map((_, index) => setLine(readers, index))
    return ['  const value = new Construct()', ...sets, '  return value']
  }
  const all = readers.map(({ field }, index) => `${field.name}: v${index}`).join(', ')
  const optional = readers.flatMap((reader, index) => (isCertain(reader) ? [] : [index]))
  if (optional.length === 0) return [`  return { ${all} }`]
  const complete = optional.map((index) => `v${index} !== undefined`).join(' && ')
  const first = optional[0]!
  const head = readers.slice(0, first).map(({ field }, index) => `${field.name}: v${index}`)
  const rest = readers.slice(first).map((_, index) => setLine(readers, first + index))
  return [
    `  if (${complete}) return { ${all} }`,
    `  const value = { ${head.join(', ')} }`,
    ...rest,
    '  return value',
  ]
}

/** Whether a field that has no issue is certainly present. */
function isCertain({ field }: FieldReader): boolean {
  return field.required || (field.constraints.default ?? undefined) !== undefined
}

function setLine(readers: readonly FieldReader[], index: number): string {
  const reader = readers[index]!
  const set = `value.${reader.field.name} = v${index}`
  return isCertain(reader) ? `  ${set}` : `  if (v${index} !== undefined) ${set}`
}
