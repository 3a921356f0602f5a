import { inlineRuntime } from '@rip/schema/inline'

/** What makes a schema of its description. */
export const SCHEMA_FUNCTION = '__schema'

/** Names of that module that a program uses without importing them. */
export const SCHEMA_NAMES: ReadonlySet<string> = new Set([
  SCHEMA_FUNCTION,
  'SchemaError',
  'SchemaRegistry',
  'registerCoercer',
  '__SchemaRegistry',
  '__schemaSetAdapter',
])

const OBJECT = /schema\??\.[ \t]*(\w+)/y

/** What the object `schema` has for programs. */
const OBJECT_MEMBERS: ReadonlySet<string> = new Set(['registerCoercer'])

/** Whether a name is the object `schema` of the language, and not a variable of the program. */
export function usesSchemaObject({ name, at }: { name: string; at: number }, source: string): boolean {
  if (name !== 'schema') return false
  OBJECT.lastIndex = at
  return OBJECT_MEMBERS.has(OBJECT.exec(source)?.[1] ?? '')
}

/** Whether a program looks for the runtime of the process by itself, which has to be there by then. */
export function reachesForSchemas(source: string): boolean {
  return /\b__ripSchema\b/.test(source)
}

/** JavaScript that declares these names, for code that shall import nothing. */
export function schemaInline(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`const { ${names.join(', ')} } = ${inlineRuntime()};`]
}
