import type { SchemaIssue } from './schema-error.ts'
import type { Validator } from './validator.ts'

/** A mixin only lends its fields: no value is one. */
export class MixinValidator implements Validator {
  check(_value: unknown, path: string, issues: SchemaIssue[]): unknown {
    issues.push({ field: path, error: 'mixin', message: 'not instantiable' })
    return undefined
  }

  async checkAsync(value: unknown, path: string, issues: SchemaIssue[]): Promise<unknown> {
    return this.check(value, path, issues)
  }

  isAsync(): boolean {
    return false
  }
}
