/** How a name is used where it is mentioned: `updated` reads it, too, as `+=` does. */
export type Use = 'read' | 'written' | 'updated'

/** A mention of a name, at an offset. */
export interface Mention {
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
 * Names of one function, or of one loop or catch clause. Filled by the parser; {@link resolveScopes} decides
 * afterwards who declares what.
 */
export class Scope {
  readonly parent: Scope | undefined
  readonly isFunction: boolean
  children: Scope[] = []
  mentions: Mention[] = []
  /** Names bound by parameters, loops, imports, classes and the like. */
  readonly bound: Map<string, number> = new Map()
  /** Names whose reads and writes go through `.value`. */
  readonly reactive: Set<string> = new Set()
  /** Names that cannot be written again, with the offset of the write that declares them. */
  readonly constants: Map<string, number> = new Map()
  /** What the function declares itself, decided by {@link resolveScopes}. */
  readonly declared: Map<string, Declaration> = new Map()
  /** Writes that may declare: direct statements of the function, by offset of the name to end of the statement. */
  readonly direct: Map<number, { end: number; closure: boolean }> = new Map()
  readonly exported: Set<string> = new Set()
  readonly imported: Set<string> = new Set()

  constructor(parent: Scope | undefined, isFunction: boolean) {
    this.parent = parent
    this.isFunction = isFunction
    parent?.children.push(this)
  }

  mention(name: string, at: number, use: Use): void {
    this.mentions.push({ name, at, use })
  }

  bind(name: string, at: number): void {
    this.bound.set(name, at)
  }

  /** The nearest function, itself included. */
  function(): Scope {
    return this.isFunction || !this.parent ? this : this.parent.function()
  }

  has(name: string): boolean {
    return this.bound.has(name) || this.declared.has(name)
  }

  /** The scope that declares a name, seen from here. */
  owner(name: string): Scope | undefined {
    return this.has(name) ? this : this.parent?.owner(name)
  }
}

/** Gives every written name to the outermost function that writes it, and picks its declaration. */
export function resolveScopes(root: Scope): void {
  declareNames(root)
  chooseKinds(root)
}

/** The first write to a constant behind its declaration. */
export function writeToConstant(scope: Scope): Mention | undefined {
  for (const mention of scope.mentions) {
    if (mention.use === 'read') continue
    const declared = scope.owner(mention.name)?.constants.get(mention.name)
    if (declared !== undefined && declared !== mention.at) return mention
  }
  for (const child of scope.children) {
    const found = writeToConstant(child)
    if (found) return found
  }
  return undefined
}

function declareNames(scope: Scope): void {
  if (scope.isFunction) collectWrites(scope, scope)
  for (const child of scope.children) declareNames(child)
}

function collectWrites(into: Scope, scope: Scope): void {
  for (const { name, use } of scope.mentions) {
    if (use === 'read') continue
    const owner = scope.owner(name)
    if (!owner || (use === 'written' && owner !== into && isLinked(owner, name)))
      into.declared.set(name, { kind: 'hoist', at: -1 })
  }
  for (const child of scope.children) if (!child.isFunction) collectWrites(into, child)
}

/** A name that connects modules cannot be assigned: a function that does so has a variable of its own. */
function isLinked(scope: Scope, name: string): boolean {
  return scope.exported.has(name) || scope.imported.has(name)
}

interface Uses {
  first: number
  second: number
  writes: number
}

/** Uses of names that a scope leaves to its parents. */
function chooseKinds(scope: Scope): Map<string, Uses> {
  const uses = new Map<string, Uses>()
  for (const mention of scope.mentions)
    addUse(uses, mention.name, mention.at, Infinity, mention.use === 'read' ? 0 : 1)
  for (const child of scope.children) {
    for (const [name, use] of chooseKinds(child)) addUse(uses, name, use.first, use.second, use.writes)
  }
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
