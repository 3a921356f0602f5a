import type { SchemaIssue } from './schema-error.ts'

/** The result of `safe`. */
export type SchemaSafeResult<T> =
  | { readonly ok: true; readonly value: T; readonly errors: null }
  | { readonly ok: false; readonly value: null; readonly errors: SchemaIssue[] }

interface StandardIssue {
  readonly message: string
  readonly path?: readonly PropertyKey[] | undefined
}

/**
 * Version 1 of Standard Schema, https://standardschema.dev: the interface by which frameworks use any schema library.
 */
export interface StandardSchema<In, Out> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'rip'
    readonly validate: (
      value: unknown,
    ) =>
      | { readonly value: Out; readonly issues?: undefined }
      | { readonly issues: readonly StandardIssue[] }
      | Promise<
          { readonly value: Out; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] }
        >
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

/** The methods of every schema that has values. */
export interface Validates<Out> {
  /** @throws {SchemaError} When the data is not accepted. */
  parse(data: unknown): Out
  safe(data: unknown): SchemaSafeResult<Out>
  ok(data: unknown): boolean
  /** Also for schemas with asynchronous rules, for which the other methods throw. */
  parseAsync(data: unknown): Promise<Out>
  safeAsync(data: unknown): Promise<SchemaSafeResult<Out>>
  okAsync(data: unknown): Promise<boolean>
  /** JSON Schema, draft 2020-12. */
  toJSONSchema(): Record<string, unknown>
}

/** A schema of lists of another schema's values. */
export interface ArraySchema<Out, In = Out> extends Validates<Out[]>, StandardSchema<In[], Out[]> {}

/** Methods that derive schemas from schemas with fields. */
export interface Projects<In> {
  readonly kind: string
  readonly name: string | undefined
  pick<K extends keyof In>(...keys: K[]): Schema<Pick<In, K>>
  omit<K extends keyof In>(...keys: K[]): Schema<Omit<In, K>>
  partial(): Schema<Partial<In>>
  required<K extends keyof In>(...keys: K[]): Schema<Omit<In, K> & Required<Pick<In, K>>>
  extend<Other>(other: Projects<Other>): Schema<In & Other>
}

/** A schema `:input` or `:shape`: `Out` is the type that `parse` returns, `In` that of its fields alone. */
export interface Schema<Out, In = Out> extends Validates<Out>, Projects<In>, StandardSchema<In, Out> {
  readonly array: ArraySchema<Out, In>
}

/** A schema `:enum`: accepts names and values, returns values. */
export interface EnumSchema<Out> extends Validates<Out>, StandardSchema<unknown, Out> {
  readonly kind: string
  readonly name: string | undefined
  readonly array: ArraySchema<Out>
}

/** A schema `:union` of others, told apart by one field. */
export interface UnionSchema<Out> extends Validates<Out>, StandardSchema<Out, Out> {
  readonly kind: string
  readonly name: string | undefined
  readonly array: ArraySchema<Out>
}

/** A schema `:mixin`: fields for other schemas. */
export interface MixinSchema<In> extends Projects<In> {
  toJSONSchema(): Record<string, unknown>
}

/** The type that `parse` of a schema returns. */
export type Infer<S extends { parse(data: unknown): unknown }> = ReturnType<S['parse']>
