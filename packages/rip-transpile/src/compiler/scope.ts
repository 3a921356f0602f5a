import type { Binding, Form } from './binding.ts'

/**
 * How a mention uses a name: `updated` also reads it, as `+=` does; `changed` reads and writes a name that has to exist,
 * as `++` does; `matched` writes the result of a match, which belongs to the function that matches.
 */
export type Use = 'read' | 'written' | 'updated' | 'changed' | 'matched'

/** A use of a name, at an offset. */
interface Mention {
  name: string
  at: number
  use: Use
}

/** How a function declares one of its names. */
export interface Declaration {
  kind: 'const' | 'let' | 'hoist'
  /** Offset of the write that declares it, for the kinds `const` and `let`. */
  at: number
}

/**
 * Names of one function, or of one loop or catch clause. Filled by the parser; {@link resolveScopes} decides afterwards
 * which scope declares which name.
 */
export class Scope {
  readonly parent: Scope | undefined
  readonly isFunction: boolean
  children: Scope[] = []
  mentions: Mention[] = []
  /** Names bound by parameters, loops, imports, classes and the like. */
  readonly bound: Map<string, Binding> = new Map()
  /** Offsets of the names where they are bound. */
  readonly sites: Set<number> = new Set()
  /** Name of the function declaration that has this scope: calls may come before its line. */
  hoistedAs: string | undefined
  /** Names whose reads and writes go through `.value`. */
  readonly reactive: Set<string> = new Set()
  /** Names that the function declares itself, decided by {@link resolveScopes}. */
  readonly declared: Map<string, Declaration> = new Map()
  /**
   * Writes that may be declarations: direct statements of the function, from the offset of the name to the end of the
   * statement.
   */
  readonly direct: Map<number, { end: number; closure: boolean }> = new Map()

  constructor(parent: Scope | undefined, isFunction: boolean) {
    this.parent = parent
    this.isFunction = isFunction
    parent?.children.push(this)
  }

  mention(name: string, at: number, use: Use): void {
    this.mentions.push({ name, at, use })
  }

  bind(name: string, binding: Binding): void {
    this.bound.set(name, binding)
    this.sites.add(binding.at)
  }

  /** The nearest function, itself included. */
  function(): Scope {
    return this.isFunction || !this.parent ? this : this.parent.function()
  }

  has(name: string): boolean {
    return this.bound.has(name) || this.declared.has(name)
  }

  /** The scope that declares a name, as seen from this scope. */
  owner(name: string): Scope | undefined {
    return this.has(name) ? this : this.parent?.owner(name)
  }
}

/** Gives every written name to the outermost function that writes it, and picks its declaration. */
export function resolveScopes(root: Scope): void {
  declareNames(root)
  chooseKinds(root)
}

function declareNames(scope: Scope): void {
  if (scope.isFunction) collectWrites(scope, scope)
  for (const child of scope.children) declareNames(child)
}

function collectWrites(into: Scope, scope: Scope): void {
  for (const { name, use } of scope.mentions) {
    if (use === 'read' || use === 'changed') continue
    const owner = scope.owner(name)
    if (use === 'matched' && owner?.function() !== into) into.declared.set(name, { kind: 'hoist', at: -1 })
    if (!owner || (use === 'written' && owner !== into && SHADOWED.has(owner.bound.get(name)?.form)))
      into.declared.set(name, { kind: 'hoist', at: -1 })
  }
  for (const child of scope.children) if (!child.isFunction) collectWrites(into, child)
}

/** Bindings whose names a function may declare anew by assigning them, because the outer binding cannot be assigned. */
const SHADOWED: ReadonlySet<Form | undefined> = new Set(['import', 'export', 'def', 'class', 'enum'])

interface Uses {
  first: number
  second: number
  writes: number
}

/** Uses of names that a scope passes on to its parents. */
function chooseKinds(scope: Scope): Map<string, Uses> {
  const uses = new Map<string, Uses>()
  for (const mention of scope.mentions)
    addUse(uses, mention.name, mention.at, Infinity, mention.use === 'read' ? 0 : 1)
  const hoisted: [string, Map<string, Uses>][] = []
  for (const child of scope.children) {
    const inner = chooseKinds(child)
    if (child.hoistedAs !== undefined) hoisted.push([child.hoistedAs, inner])
    for (const [name, use] of inner) addUse(uses, name, use.first, use.second, use.writes)
  }
  useWhereCalled(uses, hoisted)
  for (const name of scope.bound.keys()) uses.delete(name)
  for (const name of scope.declared.keys()) {
    const use = uses.get(name)
    uses.delete(name)
    const write = use && scope.direct.get(use.first)
    if (!write) continue
    if (use.second <= write.end && !write.closure) continue
    scope.declared.set(name, { kind: use.writes > 1 ? 'let' : 'const', at: use.first })
  }
  return uses
}

/**
 * Names that a function declaration uses count as used where the function is first mentioned, which may be before its
 * line.
 */
function useWhereCalled(uses: Map<string, Uses>, hoisted: readonly [string, Map<string, Uses>][]): void {
  let isStable = false
  while (!isStable) {
    isStable = true
    for (const [name, inner] of hoisted) {
      const called = uses.get(name)?.first ?? Infinity
      for (const used of inner.keys()) {
        const use = uses.get(used)!
        if (use.first <= called) continue
        addUse(uses, used, called, Infinity, 0)
        isStable = false
      }
    }
  }
}

function addUse(uses: Map<string, Uses>, name: string, first: number, second: number, writes: number): void {
  const use = uses.get(name)
  if (!use) {
    uses.set(name, { first, second, writes })
    return
  }
  use.writes += writes
  use.second = Math.min(use.second, second)
  if (first === use.first) return
  use.second = Math.min(use.second, Math.max(use.first, first))
  use.first = Math.min(use.first, first)
}
