import type { SchemaDef } from './schema-def.ts'
import { SchemaError } from './schema-error.ts'

/**
 * The named schemas of a process: fields, mixins and unions refer to schemas by name. A name is declared once;
 * repeating the same declaration replaces the first.
 */
export class Registry {
  /** Whether another declaration may replace a name in use, as after a reload in development. */
  replace = false
  #schemas = new Map<string, SchemaDef>()
  #version = 0

  /** Grows whenever the meaning of a name may have changed. */
  get version(): number {
    return this.#version
  }

  /** @throws {SchemaError} With the issue `collision` when the name is that of another schema. */
  register(schema: SchemaDef): void {
    const { name } = schema
    if (name === undefined) return
    const before = this.#schemas.get(name)
    if (before && !this.replace && signatureOf(before) !== signatureOf(schema)) {
      const message = `'${name}' is already registered with a different definition`
      throw new SchemaError([{ field: '', error: 'collision', message }], name, schema.kind)
    }
    this.#schemas.set(name, schema)
    this.#version++
  }

  get(name: string): SchemaDef | undefined {
    return this.#schemas.get(name)
  }

  /** The schema of that name if it is of that kind. */
  getKind(name: string, kind: string): SchemaDef | undefined {
    const found = this.#schemas.get(name)
    return found?.kind === kind ? found : undefined
  }

  has(name: string): boolean {
    return this.#schemas.has(name)
  }

  /** Removes all names. */
  reset(): void {
    this.#schemas.clear()
    this.#version++
  }

  /** Runs a function with an empty registry, and restores the present names when it has ended. */
  scope<T>(run: () => T): T {
    const outer = this.#schemas
    const restore = (): void => {
      this.#schemas = outer
      this.#version++
    }
    this.#schemas = new Map()
    this.#version++
    let result: T
    try {
      result = run()
    } catch (error) {
      restore()
      throw error
    }
    if (result instanceof Promise) return result.finally(restore) as T
    restore()
    return result
  }
}

/** Text that is the same for declarations with the same structure and functions. */
function signatureOf({ description }: SchemaDef): string {
  return JSON.stringify(description, (_key, value: unknown) => {
    if (typeof value === 'function' || value instanceof RegExp) return String(value)
    return typeof value === 'bigint' ? `${value}n` : value
  })
}
