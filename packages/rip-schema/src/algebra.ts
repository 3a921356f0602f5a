import type { SchemaDescription } from './description.ts'
import { describeField } from './field.ts'
import type { Field } from './field.ts'
import type { SchemaDef } from './schema-def.ts'

/** Keys as arguments or as one list. */
export type Keys = readonly (string | readonly string[])[]

/** Returns the fields of a schema; throws for a kind of schema that has none. */
function requireFields(schema: SchemaDef, operation: string): ReadonlyMap<string, Field> {
  if (schema.kind === 'union')
    throw new Error(
      `${operation}() does not work on a :union${named(schema)}; use it on one of its schemas instead`,
    )
  if (schema.kind === 'enum') throw new Error(`${operation}() does not work on an :enum${named(schema)}`)
  return schema.parts.fields
}

function named({ name }: SchemaDef): string {
  return name === undefined ? '' : `, ${name}`
}

function knownKeys(schema: SchemaDef, operation: string, keys: Keys): Set<string> {
  const fields = requireFields(schema, operation)
  const wanted = keys.flat()
  for (const key of wanted) {
    if (!fields.has(key))
      throw new Error(`${operation}: unknown field '${key}' on ${schema.name ?? 'this schema'}`)
  }
  return new Set(wanted)
}

export function pickFields(schema: SchemaDef, keys: Keys): SchemaDescription {
  const wanted = knownKeys(schema, 'pick', keys)
  return derive(
    schema,
    [...wanted].map((key) => schema.parts.fields.get(key)!),
  )
}

export function omitFields(schema: SchemaDef, keys: Keys): SchemaDescription {
  const unwanted = knownKeys(schema, 'omit', keys)
  return derive(
    schema,
    [...schema.parts.fields.values()].filter(({ name }) => !unwanted.has(name)),
  )
}

export function partialFields(schema: SchemaDef): SchemaDescription {
  const fields = [...requireFields(schema, 'partial').values()]
  return derive(
    schema,
    fields.map((field) => ({ ...field, required: false, optional: true })),
  )
}

export function requiredFields(schema: SchemaDef, keys: Keys): SchemaDescription {
  const wanted = knownKeys(schema, 'required', keys)
  const fields = [...schema.parts.fields.values()]
  return derive(
    schema,
    fields.map((field) => (wanted.has(field.name) ? { ...field, required: true, optional: false } : field)),
  )
}

export function extendFields(schema: SchemaDef, other: SchemaDef): SchemaDescription {
  const own = requireFields(schema, 'extend')
  const added = requireFields(other, 'extend')
  for (const name of added.keys()) {
    if (own.has(name))
      throw new Error(
        `extend: field '${name}' collides: both ${schema.name ?? ''} and ${other.name ?? ''} have it`,
      )
  }
  return derive(schema, [...own.values(), ...added.values()])
}

function derive({ name }: SchemaDef, fields: readonly Field[]): SchemaDescription {
  return { kind: 'shape', name: `${name ?? 'Schema'}Derived`, entries: fields.map(describeField) }
}
