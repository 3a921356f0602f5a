import type { SchemaIssue } from './schema-error.ts'
import type { Validator } from './validator.ts'

/** Refuses every value: a mixin only adds fields to other schemas. */
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
