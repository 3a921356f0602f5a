export { registerCoercer, schema, SchemaError, SchemaRegistry } from './runtime.ts'
export type { Coercer, CoercerOptions } from './coercers.ts'
export type { SchemaIssue } from './schema-error.ts'
export type {
  ArraySchema,
  EnumSchema,
  Infer,
  MixinSchema,
  Schema,
  SchemaSafeResult,
  StandardSchema,
  UnionSchema,
} from './types.ts'
