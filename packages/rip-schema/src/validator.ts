import type { SchemaDef } from './schema-def.ts'
import type { SchemaIssue } from './schema-error.ts'

/** Checks whole values of one schema. The returned value counts only if no issue was added. */
export interface Validator {
  check(value: unknown, path: string, issues: SchemaIssue[]): unknown
  checkAsync(value: unknown, path: string, issues: SchemaIssue[]): Promise<unknown>
  /** Whether a rule of this schema, or of one it refers to, is asynchronous; `seen` stops cycles. */
  isAsync(seen: Set<SchemaDef>): boolean
}

/** Prefix for paths inside a value: `address.` inside `address`, empty for the whole value. */
export function below(path: string): string {
  return path === '' ? '' : `${path}.`
}
