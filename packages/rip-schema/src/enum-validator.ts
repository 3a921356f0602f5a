import type { SchemaDef } from './schema-def.ts'
import type { SchemaIssue } from './schema-error.ts'
import type { Validator } from './validator.ts'

/** Accepts the names and the values of an enum, and returns the value. */
export class EnumValidator implements Validator {
  readonly values: readonly unknown[]
  readonly #byName = new Map<unknown, unknown>()
  readonly #message: string

  constructor({ description, name }: SchemaDef) {
    for (const entry of description.entries) {
      if (entry.tag !== 'enum-member') continue
      this.#byName.set(entry.name, 'value' in entry ? entry.value : entry.name)
    }
    this.values = [...this.#byName.values()]
    this.#message = `${name ?? 'value'} expected one of: ${[...this.#byName.keys()].join(', ')}`
  }

  check(value: unknown, path: string, issues: SchemaIssue[]): unknown {
    if (this.#byName.has(value)) return this.#byName.get(value)
    if (this.values.includes(value)) return value
    const message = path === '' ? this.#message : `${path} ${this.#message}`
    issues.push({ field: path, error: 'enum', message })
    return undefined
  }

  async checkAsync(value: unknown, path: string, issues: SchemaIssue[]): Promise<unknown> {
    return this.check(value, path, issues)
  }

  isAsync(): boolean {
    return false
  }
}
