/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** Path of the field, such as `address.lines[0]`; empty for the whole value. */
  readonly field: string
  /** Kind of the issue: `required`, `type`, `min`, `max`, `pattern`, `enum`, `coerce`, `ensure` and others. */
  readonly error: string
  readonly message: string
}

/** Thrown for a value that a schema does not accept, and for a schema that is declared wrongly. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly issues: readonly SchemaIssue[]
  /** Name of the schema, if it has one. */
  readonly schemaName: string | undefined
  readonly schemaKind: string | undefined

  constructor(issues: readonly SchemaIssue[], schemaName?: string, schemaKind?: string) {
    const faults = issues.map((issue) => issue.message).join('; ')
    super(`${schemaName ?? 'schema'}: ${faults}`)
    this.issues = issues
    this.schemaName = schemaName
    this.schemaKind = schemaKind
  }
}
