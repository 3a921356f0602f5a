import { inlineRuntime } from '@rip/schema/inline'

/** The function that makes a schema from its description. */
export const SCHEMA_FUNCTION = '__schema'

/** Exports of that module that a program uses without importing them. */
export const SCHEMA_NAMES: ReadonlySet<string> = new Set([
  SCHEMA_FUNCTION,
  'SchemaError',
  'SchemaRegistry',
  'registerCoercer',
  '__SchemaRegistry',
  '__schemaSetAdapter',
])

const OBJECT = /schema\??\.[ \t]*(\w+)/y

/** Members of the object `schema` that programs may use. */
const OBJECT_MEMBERS: ReadonlySet<string> = new Set(['registerCoercer'])

/** Whether a name refers to the object `schema` of the language, and not to a variable of the program. */
export function usesSchemaObject({ name, at }: { name: string; at: number }, source: string): boolean {
  if (name !== 'schema') return false
  OBJECT.lastIndex = at
  return OBJECT_MEMBERS.has(OBJECT.exec(source)?.[1] ?? '')
}

/** Whether a program reads the runtime from `globalThis`, so that it has to be loaded first. */
export function reachesForSchemas(source: string): boolean {
  return /\b__ripSchema\b/.test(source)
}

/** JavaScript that declares these names, for code that must not import anything. */
export function schemaInline(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`const { ${names.join(', ')} } = ${inlineRuntime()};`]
}
