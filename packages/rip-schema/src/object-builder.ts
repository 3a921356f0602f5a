import type { Field } from './field.ts'
import { FORMATS } from './field-types.ts'
import { isInherited } from './field-reader.ts'
import type { FieldReader } from './field-reader.ts'
import type { SchemaIssue } from './schema-error.ts'

/** Reads all fields of an input and makes the value of them; the value counts only if no issue was added. */
export type BuildObject = (input: Record<string, unknown>, path: string, issues: SchemaIssue[]) => unknown

/** Makes an empty value of a schema: a plain object or an instance of its class. */
export type Construct = new () => Record<string, unknown>

/**
 * A builder that JavaScript's engine can compile: one function with the checks of all fields written out. What a
 * field's text cannot hold is left to its reader, which also says what is wrong with a value. Where no code may be
 * made from text, a loop does the same more slowly.
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

/** The same in a loop. */
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
  // Only names of fields, which are plain words, and texts as JSON become code.
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

/** A condition under which a value is not plainly right; undefined where only the reader can tell. */
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

/** Whether a field without fault is there. */
function isCertain({ field }: FieldReader): boolean {
  return field.required || (field.constraints.default ?? undefined) !== undefined
}

function setLine(readers: readonly FieldReader[], index: number): string {
  const reader = readers[index]!
  const set = `value.${reader.field.name} = v${index}`
  return isCertain(reader) ? `  ${set}` : `  if (v${index} !== undefined) ${set}`
}
