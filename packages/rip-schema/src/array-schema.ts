import type { SchemaDef } from './schema-def.ts'
import { SchemaError } from './schema-error.ts'
import type { SchemaIssue } from './schema-error.ts'
import { standardProps } from './standard-schema.ts'
import type { StandardProps } from './standard-schema.ts'
import { inOrder } from './value-check.ts'

type Result = { ok: true; value: unknown; errors: null } | { ok: false; value: null; errors: SchemaIssue[] }

/** A schema of lists whose items another schema checks. */
export class ArraySchema {
  readonly #item: SchemaDef
  readonly '~standard': StandardProps

  constructor(item: SchemaDef) {
    this.#item = item
    this['~standard'] = standardProps(this)
  }

  /** @throws {SchemaError} With the issues of all items, whose paths begin with the index: `[2].name`. */
  parse(data: unknown): unknown[] {
    const issues: SchemaIssue[] = []
    return this.#orThrow(this.#check(data, issues), issues)
  }

  safe(data: unknown): Result {
    const issues: SchemaIssue[] = []
    return resultOf(this.#check(data, issues), issues)
  }

  ok(data: unknown): boolean {
    return this.safe(data).ok
  }

  async parseAsync(data: unknown): Promise<unknown[]> {
    const issues: SchemaIssue[] = []
    return this.#orThrow(await this.#checkAsync(data, issues), issues)
  }

  async safeAsync(data: unknown): Promise<Result> {
    const issues: SchemaIssue[] = []
    return resultOf(await this.#checkAsync(data, issues), issues)
  }

  async okAsync(data: unknown): Promise<boolean> {
    return (await this.safeAsync(data)).ok
  }

  get isAsync(): boolean {
    return this.#item.isAsync
  }

  toJSONSchema(): Record<string, unknown> {
    const { $schema, $defs, ...items } = this.#item.toJSONSchema()
    return { type: 'array', items, ...($defs !== undefined && { $defs }), $schema }
  }

  #check(data: unknown, issues: SchemaIssue[]): unknown[] {
    if (!isList(data, issues)) return []
    return Array.from(data, (item: unknown, index) => {
      const own: SchemaIssue[] = []
      const value = this.#item.run(item, own)
      for (const issue of own) issues.push(inItem(issue, index))
      return value
    })
  }

  async #checkAsync(data: unknown, issues: SchemaIssue[]): Promise<unknown[]> {
    if (!isList(data, issues)) return []
    return inOrder(data, issues, async (item, index, own) => {
      const found: SchemaIssue[] = []
      const value = await this.#item.runAsync(item, found)
      for (const issue of found) own.push(inItem(issue, index))
      return value
    })
  }

  #orThrow(value: unknown[], issues: SchemaIssue[]): unknown[] {
    if (issues.length > 0) throw new SchemaError(issues, this.#item.name, this.#item.kind)
    return value
  }
}

export function resultOf(value: unknown, issues: SchemaIssue[]): Result {
  return issues.length > 0 ? { ok: false, value: null, errors: issues } : { ok: true, value, errors: null }
}

function inItem({ field, ...issue }: SchemaIssue, index: number): SchemaIssue {
  const rest = field === '' || field.startsWith('[') ? field : `.${field}`
  return { field: `[${index}]${rest}`, ...issue }
}

function isList(data: unknown, issues: SchemaIssue[]): data is unknown[] {
  if (Array.isArray(data)) return true
  issues.push({ field: '', error: 'not_array', message: `expected an array, received ${describe(data)}` })
  return false
}

function describe(data: unknown): string {
  if (data === null) return 'null'
  if (typeof data !== 'object') return typeof data
  const keys = Object.keys(data)
  const shown = keys.slice(0, 10).join(', ')
  return `an object with keys [${shown}${keys.length > 10 ? ', …' : ''}]`
}
