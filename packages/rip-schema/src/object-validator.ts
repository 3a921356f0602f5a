import type { EnsureDescription } from './description.ts'
import { fieldReader } from './field-reader.ts'
import type { FieldReader } from './field-reader.ts'
import { isPlainType } from './field-types.ts'
import { objectBuilder } from './object-builder.ts'
import type { BuildObject, Construct } from './object-builder.ts'
import type { SchemaDef } from './schema-def.ts'
import type { SchemaIssue } from './schema-error.ts'
import { shapeClass } from './shape-class.ts'
import { below } from './validator.ts'
import type { Validator } from './validator.ts'
import { inOrder, isRecord, valueCheck } from './value-check.ts'

/** Validates objects: first the fields, then the rules of the whole object; then derives values. */
export class ObjectValidator implements Validator {
  readonly construct: Construct | undefined
  readonly #schema: SchemaDef
  readonly #readers: readonly FieldReader[]
  readonly #build: BuildObject
  readonly #isPlain: boolean

  constructor(schema: SchemaDef) {
    const { parts, runtime } = schema
    this.#schema = schema
    this.construct = schema.kind === 'shape' ? shapeClass(schema.name, parts) : undefined
    const resolve = (name: string): SchemaDef | undefined => runtime.registry.get(name)
    this.#readers = [...parts.fields.values()].map((field) =>
      fieldReader(field, valueCheck(field, resolve), runtime.coercers),
    )
    this.#build = objectBuilder(this.#readers, this.construct)
    this.#isPlain = parts.ensures.length === 0 && parts.derived.size === 0
  }

  check(value: unknown, path: string, issues: SchemaIssue[]): unknown {
    if (!isRecord(value)) return rejectInput(value, path, issues)
    const before = issues.length
    const built = this.#build(value, below(path), issues)
    if (this.#isPlain || issues.length !== before) return built
    for (const rule of this.#schema.parts.ensures) if (!holds(rule, built)) addRuleIssue(rule, path, issues)
    if (issues.length === before) this.#derive(built, path, issues)
    return built
  }

  async checkAsync(value: unknown, path: string, issues: SchemaIssue[]): Promise<unknown> {
    if (!isRecord(value)) return rejectInput(value, path, issues)
    const before = issues.length
    const found = await inOrder(this.#readers, issues, (reader, _, own) =>
      reader.readAsync(value, below(path), own),
    )
    if (issues.length !== before) return undefined
    const built: Record<string, unknown> = this.construct ? new this.construct() : {}
    for (const [index, { field }] of this.#readers.entries())
      if (found[index] !== undefined) built[field.name] = found[index]
    const { ensures } = this.#schema.parts
    // Synchronous rules are checked before an asynchronous rule is called.
    const verdicts = new Map(
      ensures.filter((rule) => !rule.async).map((rule) => [rule, holds(rule, built)] as const),
    )
    const waiting = ensures.filter((rule) => rule.async)
    await Promise.all(waiting.map(async (rule) => verdicts.set(rule, await holdsAsync(rule, built))))
    for (const rule of ensures) if (!verdicts.get(rule)) addRuleIssue(rule, path, issues)
    if (issues.length === before) this.#derive(built, path, issues)
    return built
  }

  isAsync(seen: Set<SchemaDef>): boolean {
    const { parts, runtime } = this.#schema
    if (parts.ensures.some((rule) => rule.async)) return true
    return [...parts.fields.values()].some(({ literals, typeName }) => {
      const nested = literals || isPlainType(typeName) ? undefined : runtime.registry.get(typeName)
      if (!nested || seen.has(nested)) return false
      seen.add(nested)
      return nested.validator.isAsync(seen)
    })
  }

  #derive(value: unknown, path: string, issues: SchemaIssue[]): void {
    for (const { name, fn } of this.#schema.parts.derived.values()) {
      try {
        const derived = fn.call(value)
        Object.defineProperty(value, name, {
          value: derived,
          enumerable: true,
          configurable: true,
          writable: true,
        })
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        issues.push({ field: path, error: 'derived', message })
        return
      }
    }
  }
}

function rejectInput(value: unknown, path: string, issues: SchemaIssue[]): undefined {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
  const got = value === undefined ? 'nothing' : kind
  issues.push({ field: path, error: 'object', message: `input must be an object; got ${got}` })
  return undefined
}

/** Whether a rule holds; a rule that throws does not. */
function holds({ fn }: EnsureDescription, value: unknown): boolean {
  try {
    return Boolean(fn(value))
  } catch {
    return false
  }
}

async function holdsAsync({ fn }: EnsureDescription, value: unknown): Promise<boolean> {
  try {
    return Boolean(await fn(value))
  } catch {
    return false
  }
}

function addRuleIssue({ field, message }: EnsureDescription, path: string, issues: SchemaIssue[]): void {
  issues.push({ field: field === undefined ? path : below(path) + field, error: 'ensure', message })
}
