import type { Assign, Node } from '../ast.ts'
import { isPattern, patternNames } from '../parser/targets.ts'
import { assignment } from './assignments.ts'
import { guardTest } from './guards.ts'
import { hoistNames } from './hoisting.ts'
import { assign, declare, id, ifs } from './js.ts'
import type { Js } from './estree.ts'
import { isGuard, isStatementLike } from './kinds.ts'
import { DISCARD } from './lowerer.ts'
import type { Lowerer, Sink } from './lowerer.ts'
import { pattern, splitRest } from './patterns.ts'

export function lowerAssign(l: Lowerer, node: Assign, sink: Sink): Js[] {
  const at = node.start
  const guard = unwrapped(node.value)
  if (isGuard(guard) && node.op === '=') {
    const { left, right, op } = guard
    const first = lowerAssign(l, { ...node, value: left }, DISCARD)
    const tail = sink.kind === 'discard' ? [] : [l.deliver(sink, pattern(l, node.target), at)]
    const test = guardTest(op, l.expression(node.target))
    return [...first, ifs(test, l.body(right, DISCARD), undefined, right.start), ...tail]
  }
  // The value of an assignment to a pattern is its right side, which a declaration does not return.
  const isWhole = splitRest(node.target) !== undefined || (sink.kind !== 'discard' && isPattern(node.target))
  const kind = isWhole ? hoistNames(l, patternNames(node.target)) : declaringKind(l, node)
  const simple = node.target.type === 'Id' && !l.scope.owner(node.target.name)?.reactive.has(node.target.name)
  if (node.op === '=' && simple && isStatementLike(node.value) && !isShort(node.value)) {
    const name = node.target.type === 'Id' ? node.target.name : ''
    const make = (value: Js): Js => assign(id(name, node.target.start), value)
    const lines = l.nested(() => l.statement(node.value, { kind: 'assign', make }))
    const tail = sink.kind === 'discard' ? [] : [l.deliver(sink, id(name, at), at)]
    return [...(kind ? [declare('let', id(name, at), null, at)] : []), ...lines, ...tail]
  }
  if (!kind) return [l.deliver(sink, assignment(l, node, sink.kind !== 'discard'), at)]
  const value = l.expression(node.value)
  const declaration = declare(kind, pattern(l, node.target), value, at)
  if (sink.kind === 'discard') return [declaration]
  return [
    declaration,
    l.deliver(sink, node.target.type === 'Id' ? id(node.target.name, at) : l.expression(node.target), at),
  ]
}

/** How this statement declares the names of a target, if it does. */
function declaringKind(l: Lowerer, node: Assign): 'const' | 'let' | undefined {
  if (node.op !== '=') return undefined
  if (node.isConst) return 'const'
  const names = patternNames(node.target)
  if (names.length === 0 || hasMembers(node.target)) return hoistNames(l, names)
  let kind: 'const' | 'let' = 'const'
  for (const { name, start } of names) {
    const declared = l.fn.scope.declared.get(name)
    if (!l.atTop || declared?.at !== start || declared.kind === 'hoist') return hoistNames(l, names)
    if (declared.kind === 'let') kind = 'let'
  }
  return kind
}

function hasMembers(target: Node): boolean {
  if (target.type === 'Member' || target.type === 'Index') return true
  if (target.type === 'Arr') return target.items.some((item) => item !== null && hasMembers(item))
  if (target.type === 'Obj') return target.props.some((prop) => hasMembers(prop.value))
  if (target.type === 'Spread') return hasMembers(target.arg)
  return target.type === 'Assign' && hasMembers(target.target)
}

function unwrapped(node: Node): Node {
  return node.type === 'Paren' ? unwrapped(node.body) : node
}

/** A choice between two plain values reads better as `? :`. */
function isShort(node: Node): boolean {
  if (node.type !== 'If') return false
  return [node.consequent, node.otherwise].every((branch) => {
    const only = branch?.type === 'Block' && branch.body.length === 1 ? branch.body[0] : branch
    return only !== undefined && ['Id', 'Num', 'Str', 'Keyword', 'Member'].includes(only.type)
  })
}
