import type { Binding, Form } from './binding.ts'
import type { Scope } from './scope.ts'

const NOUNS: Readonly<Record<Form, string>> = {
  parameter: 'a parameter',
  loop: 'the variable of a loop',
  catch: 'the caught error',
  import: 'an import',
  def: 'a function',
  class: 'a class',
  enum: 'an enum',
  constant: 'a constant',
  state: 'a reactive value',
  computed: 'a computed value',
  effect: 'an effect',
  export: 'an export',
}

/** Bindings that can never be assigned again, from any scope. */
const READ_ONLY: ReadonlySet<Form> = new Set(['import', 'constant', 'computed', 'effect', 'export'])

/** Bindings that a plain assignment in the same function may write. */
const WRITABLE: ReadonlySet<Form> = new Set(['parameter', 'loop', 'catch', 'state', 'def', 'class'])

/** Names of the function itself, which a block inside it cannot redeclare. */
const OF_THE_FUNCTION: ReadonlySet<Form> = new Set(['parameter', 'catch'])

export interface Conflict {
  name: string
  at: number
  reason: string
  hint: string
}

/** Why a second declaration of a name in its scope is refused, or nothing if it is allowed. */
export function conflictOf(name: string, first: Binding, second: Binding): Conflict | undefined {
  if (first.at === second.at) return undefined
  if (first.block !== second.block && !OF_THE_FUNCTION.has(first.form)) return undefined
  const hint = `It is ${NOUNS[first.form]} already: choose another name.`
  return { name, at: second.at, reason: `'${name}' is declared twice`, hint }
}

/** The first assignment in the program to a binding that cannot be assigned. */
export function forbiddenWrite(root: Scope): Conflict | undefined {
  let first: Conflict | undefined
  const visit = (scope: Scope): void => {
    for (const { name, at, use } of scope.mentions) {
      const isFirst = use !== 'read' && (!first || at < first.at)
      first = (isFirst ? writeConflict(scope, name, at) : undefined) ?? first
    }
    for (const child of scope.children) visit(child)
  }
  visit(root)
  return first
}

function writeConflict(scope: Scope, name: string, at: number): Conflict | undefined {
  const owner = scope.owner(name)
  const binding = owner?.bound.get(name)
  if (!owner || !binding || owner.sites.has(at)) return undefined
  const { form } = binding
  if (READ_ONLY.has(form))
    return {
      name,
      at,
      reason: `'${name}' is ${NOUNS[form]} and cannot be assigned`,
      hint: REMEDY[form] ?? ANOTHER,
    }
  if (owner.function() !== scope.function()) return undefined
  // The body of a loop behind it comes before the loop's variable.
  const isEarly = form !== 'parameter' && form !== 'loop' && at < binding.at
  if (WRITABLE.has(form) && !isEarly) return undefined
  return { name, at, reason: `'${name}' is ${NOUNS[form]} and assigned here`, hint: ANOTHER }
}

const ANOTHER = 'Choose another name.'

const REMEDY: Readonly<Partial<Record<Form, string>>> = {
  constant: 'Declare it with = instead of =! where it has to change.',
  computed: 'Assign what it is computed from.',
  export: 'Export a function that gives the present value.',
}
