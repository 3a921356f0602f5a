import type { SchemaIssue } from './schema-error.ts'

interface StandardIssue {
  readonly message: string
  readonly path?: readonly (string | number)[]
}

type StandardResult = { readonly value: unknown } | { readonly issues: readonly StandardIssue[] }

interface JsonSchemaOptions {
  readonly target: string
}

/** The object in `~standard`: version 1 of Standard Schema, https://standardschema.dev. */
export interface StandardProps {
  readonly version: 1
  readonly vendor: 'rip'
  readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>
  readonly jsonSchema: {
    readonly input: (options: JsonSchemaOptions) => Record<string, unknown>
    readonly output: (options: JsonSchemaOptions) => Record<string, unknown>
  }
}

type Outcome = { ok: true; value: unknown } | { ok: false; errors: readonly SchemaIssue[] }

interface Standardized {
  readonly isAsync: boolean
  safe(data: unknown): Outcome
  safeAsync(data: unknown): Promise<Outcome>
  toJSONSchema(): Record<string, unknown>
}

/** The interface by which frameworks use any schema library. A schema with asynchronous rules returns a promise. */
export function standardProps(schema: Standardized): StandardProps {
  const toJson = ({ target }: JsonSchemaOptions): Record<string, unknown> => {
    if (target !== 'draft-2020-12')
      throw new Error(`no JSON Schema of '${target}' is made, only draft-2020-12`)
    return schema.toJSONSchema()
  }
  return {
    version: 1,
    vendor: 'rip',
    validate: (value) =>
      schema.isAsync ? schema.safeAsync(value).then(standardResult) : standardResult(schema.safe(value)),
    jsonSchema: { input: toJson, output: toJson },
  }
}

function standardResult(result: Outcome): StandardResult {
  if (result.ok) return { value: result.value }
  return {
    issues: result.errors.map(({ field, message }) =>
      field === '' ? { message } : { message, path: pathOf(field) },
    ),
  }
}

/** Splits `list[0].name` into its keys. */
function pathOf(field: string): (string | number)[] {
  return [...field.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([key, index]) =>
    index === undefined ? key : Number(index),
  )
}
