import type { Node, NodeOf } from '../ast.ts'
import { call, id, index, member, raw } from './js.ts'
import type { Js } from './estree.ts'
import type { Lowerer } from './lowerer.ts'

export function lowerMemberAccess(l: Lowerer, node: NodeOf<'Member'>): Js {
  if (l.superArguments && node.object.type === 'Keyword' && l.fn.promoted.has(node.prop))
    return id(l.fn.promoted.get(node.prop)!, l.nameAtEnd(node, node.prop))
  return memberOf(l, objectOf(l, node.object), node)
}

export function lowerIndex(l: Lowerer, node: NodeOf<'Index'>): Js {
  const { index: at } = node
  if (at.type === 'Unary' && at.op === '-' && at.arg.type === 'Num')
    return call(
      member(l.expression(node.object), 'at', l.operatorAfter(node.object), node.optional),
      [l.expression(at)],
      node.end,
    )
  return index(objectOf(l, node.object), l.expression(at), node.optional)
}

/** The member that a node names, of an object that was lowered before. */
export function memberOf(l: Lowerer, object: Js, node: NodeOf<'Member'>): Js {
  return member(object, node.prop, l.nameAtEnd(node, node.prop), node.optional)
}

/** The object of an access, which may be `super`. */
export function objectOf(l: Lowerer, node: Node): Js {
  return node.type === 'Keyword' && node.name === 'super' ? superObject(l, node) : l.expression(node)
}

export function superObject(l: Lowerer, node: NodeOf<'Keyword'>): Js {
  if (!l.fn.methodName)
    l.fail(
      "'super' is not in a method",
      node,
      'Move it to a method of a class, or a function with => in one.',
    )
  l.fn.usesSuper = true
  return raw('super', node.start)
}

/** Whether an expression is, or begins with, an optional chain. */
export function hasOptional(js: Js): boolean {
  if (js.type === 'MemberExpression') return js.optional || hasOptional(js.object)
  return js.type === 'CallExpression' && (js.optional || hasOptional(js.callee))
}
