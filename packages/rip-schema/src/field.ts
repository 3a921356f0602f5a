import type { Constraints, FieldDescription } from './description.ts'

/** One field of a schema, with its modifiers resolved. */
export interface Field {
  readonly name: string
  readonly required: boolean
  readonly optional: boolean
  readonly unique: boolean
  readonly typeName: string
  readonly array: boolean
  readonly literals: readonly string[] | undefined
  readonly coerce: boolean
  readonly coercer: string | undefined
  readonly constraints: Constraints
  readonly attrs: Readonly<Record<string, string>> | undefined
  readonly transform: ((input: unknown) => unknown) | undefined
}

export function fieldOf(entry: FieldDescription): Field {
  const { modifiers, name, typeName, array } = entry
  return {
    name,
    required: modifiers.includes('!'),
    optional: modifiers.includes('?'),
    unique: entry.unique ?? false,
    typeName,
    array,
    literals: entry.literals,
    coerce: entry.coerce ?? false,
    coercer: entry.coercer,
    constraints: entry.constraints ?? {},
    attrs: entry.attrs,
    transform: entry.transform,
  }
}

/** The description of a field, for schemas derived from the field's schema. */
export function describeField(field: Field): FieldDescription {
  const { required, optional, unique, literals, coerce, coercer, constraints, attrs, transform, ...same } =
    field
  return {
    tag: 'field',
    ...same,
    modifiers: [...(required ? ['!'] : []), ...(optional ? ['?'] : [])],
    ...(unique && { unique }),
    ...(literals && { literals }),
    ...(coerce && { coerce }),
    ...(coercer !== undefined && { coercer }),
    ...(Object.keys(constraints).length > 0 && { constraints }),
    ...(attrs && { attrs }),
    ...(transform && { transform }),
  }
}

/** Whether the input may lack the field: it is not required, or has a default. */
export function mayMiss(field: Field): boolean {
  return !field.required || (field.constraints.default ?? undefined) !== undefined
}
