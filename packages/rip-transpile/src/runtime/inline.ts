import { globals } from './globals.ts'
import type { GlobalName } from './globals.ts'
import { objectOf } from './object-of.ts'
import { propertyKey } from './property-key.ts'
import { createReactive } from './reactive.ts'
import { stepOf } from './step-of.ts'
import { toMatchable } from './to-matchable.ts'

type ReactiveName = '__state' | '__computed' | '__effect' | '__batch'

type HelperName = '__objectOf' | '__propertyKey' | '__stepOf' | '__toMatchable'

/** Every name the runtime module exports. */
export type RuntimeName = GlobalName | ReactiveName | HelperName

/** Functions that only compiled code calls. */
const HELPERS: Readonly<Record<HelperName, (...values: never[]) => unknown>> = {
  __objectOf: objectOf,
  __propertyKey: propertyKey,
  __stepOf: stepOf,
  __toMatchable: toMatchable,
}

const REACTIVE: Readonly<Record<ReactiveName, string>> = {
  __batch: 'batch',
  __computed: 'computed',
  __effect: 'effect',
  __state: 'state',
}

/** All names of the runtime, as a set. */
export const RUNTIME_NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(globals),
  ...Object.keys(REACTIVE),
  ...Object.keys(HELPERS),
])

/** JavaScript that declares these names of the runtime, for code that must not import anything. */
export function inlineRuntime(names: Iterable<RuntimeName>): string {
  const wanted = [...new Set(names)].toSorted()
  const reactive = wanted.filter((name) => name in REACTIVE) as ReactiveName[]
  const functions = wanted.filter((name) => !(name in REACTIVE)) as Exclude<RuntimeName, ReactiveName>[]
  return [...functions.map(declare), ...declareReactive(reactive)].join('\n')
}

function declare(name: Exclude<RuntimeName, ReactiveName>): string {
  const value = name in HELPERS ? HELPERS[name as HelperName] : globals[name as GlobalName]
  return `const ${name} = ${value.toString()};`
}

function declareReactive(names: readonly ReactiveName[]): string[] {
  if (names.length === 0) return []
  const bindings = names.map((name) => `${REACTIVE[name]}: ${name}`).join(', ')
  return [`const { ${bindings} } = (${createReactive.toString()})();`]
}
