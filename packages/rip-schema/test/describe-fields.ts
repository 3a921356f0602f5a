import { createRuntime } from '../src/create-runtime.ts'
import type { SchemaRuntime } from '../src/create-runtime.ts'
import type { EntryDescription, FieldDescription, SchemaKind } from '../src/description.ts'
import type { SchemaDef } from '../src/schema-def.ts'

/** A field as the compiler describes it: `field('name!', 'string')`. */
export function field(
  mark: string,
  typeName = 'string',
  rest: Partial<FieldDescription> = {},
): FieldDescription {
  const name = mark.replace(/[!?]+$/, '')
  return { tag: 'field', name, modifiers: mark.slice(name.length).split(''), typeName, array: false, ...rest }
}

/** A schema in a new runtime, or in the given one. */
export function declare(
  entries: readonly EntryDescription[],
  options: { kind?: SchemaKind; name?: string; runtime?: SchemaRuntime } = {},
): SchemaDef {
  const { kind = 'input', name = 'X', runtime = createRuntime() } = options
  return runtime.__schema({ kind, name, entries })
}

/** The issues of a value, as `field error`. */
export function faults(schema: SchemaDef, value: unknown): string[] {
  return (schema.safe(value).errors ?? []).map(({ field: at, error }) => `${at} ${error}`)
}
