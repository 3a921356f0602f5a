import { FORMATS } from './field-types.ts'
import { mayMiss } from './field.ts'
import type { Field } from './field.ts'
import type { SchemaDef } from './schema-def.ts'

type Json = Record<string, unknown>

const TYPES: Readonly<Record<string, Json>> = {
  string: { type: 'string' },
  text: { type: 'string' },
  email: { type: 'string', format: 'email' },
  url: { type: 'string', format: 'uri' },
  uuid: { type: 'string', format: 'uuid' },
  phone: { type: 'string', pattern: FORMATS['phone']!.source },
  zip: { type: 'string', pattern: FORMATS['zip']!.source },
  number: { type: 'number' },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  date: { type: 'string', format: 'date' },
  datetime: { type: 'string', format: 'date-time' },
  json: {},
  any: {},
}

/** The JSON Schema (draft 2020-12) of a schema; schemas that it refers to are in `$defs`. */
export function jsonSchemaOf(schema: SchemaDef): Json {
  const defs = new Map<string, Json>()
  const { title, ...rest } = { title: schema.name, ...bodyOf(schema, defs) } as Json
  return {
    ...rest,
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(title !== undefined && { title }),
    ...(defs.size > 0 && { $defs: Object.fromEntries(defs) }),
  }
}

function bodyOf(schema: SchemaDef, defs: Map<string, Json>): Json {
  if (schema.kind === 'enum') return { enum: [...schema.enumValues] }
  if (schema.kind === 'union') {
    const { names, on } = schema.unionMembers
    return { oneOf: names.map((name) => reference(name, schema, defs)), discriminator: { propertyName: on } }
  }
  const { fields, ensures } = schema.parts
  const properties = Object.fromEntries(
    [...fields.values()].map((field) => [field.name, fieldJson(field, schema, defs)]),
  )
  const required = [...fields.values()].filter((field) => !mayMiss(field)).map(({ name }) => name)
  const rules = ensures.map(({ message }) => message).join('; ')
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    ...(rules !== '' && { description: `Also holds: ${rules}.` }),
  }
}

function reference(name: string, from: SchemaDef, defs: Map<string, Json>): Json {
  const target = from.runtime.registry.get(name)
  if (!target) return {}
  if (!defs.has(name)) {
    // The entry is set before its body is made, because the body may refer to it.
    defs.set(name, {})
    defs.set(name, bodyOf(target, defs))
  }
  return { $ref: `#/$defs/${name}` }
}

function fieldJson(field: Field, schema: SchemaDef, defs: Map<string, Json>): Json {
  const { array, constraints, literals, typeName } = field
  const single = literals
    ? literalJson(literals)
    : Object.hasOwn(TYPES, typeName)
      ? TYPES[typeName]!
      : reference(typeName, schema, defs)
  const whole = array ? { type: 'array', items: single } : single
  const described = descriptionOf(field)
  return {
    ...whole,
    ...limits(field, whole),
    ...(constraints.regex && { pattern: constraints.regex.source }),
    ...(constraints.default !== undefined && { default: constraints.default }),
    ...(described !== undefined && { description: described }),
  }
}

function literalJson(literals: readonly string[]): Json {
  return literals.length === 1 ? { const: literals[0] } : { enum: literals }
}

const LIMIT_NAMES: Readonly<Record<string, readonly [min: string, max: string]>> = {
  string: ['minLength', 'maxLength'],
  array: ['minItems', 'maxItems'],
  number: ['minimum', 'maximum'],
  integer: ['minimum', 'maximum'],
}

function limits({ constraints: { min, max } }: Field, { type }: Json): Json {
  const names = typeof type === 'string' ? LIMIT_NAMES[type] : undefined
  if (!names) return {}
  return { ...(min !== undefined && { [names[0]]: min }), ...(max !== undefined && { [names[1]]: max }) }
}

/** A description in words of rules that JSON Schema cannot express. */
function descriptionOf({ coerce, coercer, transform, typeName }: Field): string | undefined {
  if (transform) return 'Computed from the whole input, whose keys may be others.'
  if (!coerce) return undefined
  return `Converted before it is checked (~${coercer === undefined ? typeName : `:${coercer}`}).`
}
