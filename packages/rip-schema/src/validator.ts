import type { SchemaDef } from './schema-def.ts'
import type { SchemaIssue } from './schema-error.ts'

/** Checks whole values of one schema. What it gives counts only if it added no issue. */
export interface Validator {
  check(value: unknown, path: string, issues: SchemaIssue[]): unknown
  checkAsync(value: unknown, path: string, issues: SchemaIssue[]): Promise<unknown>
  /** Whether a rule waits, here or in a schema that this one names; `seen` ends circles. */
  isAsync(seen: Set<SchemaDef>): boolean
}

/** The path of what lies below a value: `address.` below `address`, nothing below the whole. */
export function below(path: string): string {
  return path === '' ? '' : `${path}.`
}
