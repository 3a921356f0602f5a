import type { Node } from '../ast.ts'
import type { Scope } from '../scope.ts'
import { arrow, block, call, id, returns } from './js.ts'
import type { Js, VariableDeclarator } from './estree.ts'
import type { Lowerer } from './lowerer.ts'

/** Hoists the names that this write would declare, where a declaration is not possible. */
export function hoistNames(l: Lowerer, names: readonly { name: string; start: number }[]): undefined {
  for (const { name, start } of names) {
    if (l.fn.scope.declared.get(name)?.at === start) l.fn.hoisted.add(name)
  }
}

/** Adds the hoisted declarations at the top of a function body. */
export function withHoisted(l: Lowerer, body: Js[]): Js[] {
  const { hoisted, scope } = l.fn
  for (const [name, declaration] of scope.declared) if (declaration.kind === 'hoist') hoisted.add(name)
  return [...hoistedLines(hoisted), ...body]
}

/**
 * Lowers an expression where its function has no statements (a parameter default, a field); a function around it
 * declares the variables it needs. `scope` has the names that it assigns, if they are its own.
 */
export function contained(l: Lowerer, node: Node, scope?: Scope): Js {
  const { fn } = l
  const hoisted = new Set<string>()
  l.fn = { ...fn, hoisted, scope: scope ?? fn.scope }
  const value = scope ? l.within(scope, () => l.expression(node)) : l.expression(node)
  fn.usesSuper ||= l.fn.usesSuper
  const lines = scope ? withHoisted(l, []) : hoistedLines(hoisted)
  l.fn = fn
  if (lines.length === 0) return value
  return call({ ...arrow([], block([...lines, returns(value)])), at: node.start }, [])
}

function hoistedLines(names: ReadonlySet<string>): Js[] {
  if (names.size === 0) return []
  const declarations = [...names].map((name): VariableDeclarator => ({
    type: 'VariableDeclarator',
    id: id(name),
    init: null,
  }))
  return [{ type: 'VariableDeclaration', kind: 'let', declarations }]
}
