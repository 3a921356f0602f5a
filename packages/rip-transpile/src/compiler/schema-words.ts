import type { SchemaKind } from './ast.ts'

/** Keywords of the sub-language of schemas. */

export const SCHEMA_KINDS: readonly SchemaKind[] = ['input', 'shape', 'enum', 'mixin', 'union']

/** Types of fields, with the TypeScript types of their values. */
export const FIELD_TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  text: 'string',
  email: 'string',
  url: 'string',
  uuid: 'string',
  phone: 'string',
  zip: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  date: 'Date',
  datetime: 'Date',
  json: 'unknown',
  any: 'any',
}

/** Text types that `schema.defaultMaxString` limits; `text` and `uuid` are not among them. */
export const LIMITED_TYPES: ReadonlySet<string> = new Set(['string', 'email', 'url', 'phone', 'zip'])

/** Types whose values have no length. */
export const SIZELESS_TYPES: ReadonlySet<string> = new Set(['boolean', 'date', 'datetime'])

/** Target types of the conversion `~`. */
export const COERCIBLE_TYPES: readonly string[] = ['integer', 'number', 'boolean', 'date', 'datetime']

/** Result types of well-known converters; the result of other converters is unknown. */
export const COERCER_TYPES: Readonly<Record<string, { typeName: string; array?: true }>> = {
  ...Object.fromEntries(
    (
      'string text name address slug date time time12 email state zip zipplus4 ssn sex phone username ' +
      'ip mac url color uuid semver decimal'
    )
      .split(' ')
      .map((name) => [name, { typeName: 'string' }]),
  ),
  ...Object.fromEntries(
    'id int whole money money_even cents'.split(' ').map((name) => [name, { typeName: 'integer' }]),
  ),
  float: { typeName: 'number' },
  bool: { typeName: 'boolean' },
  truthy: { typeName: 'boolean' },
  falsy: { typeName: 'boolean' },
  ids: { typeName: 'integer', array: true },
}

/** Directives that only models support. */
export const MODEL_DIRECTIVES: ReadonlySet<string> = new Set(
  (
    'timestamps softDelete belongsTo hasOne hasMany belongs_to has_one has_many index unique idStart scope ' +
    'defaultScope table tableWas primaryKey'
  ).split(' '),
)
