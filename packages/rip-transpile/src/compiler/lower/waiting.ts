import type { NodeOf } from '../ast.ts'
import type { Js } from './estree.ts'
import type { Lowerer } from './lowerer.ts'

export function lowerAwait(l: Lowerer, node: NodeOf<'Await'>): Js {
  l.sawAwait = true
  return { type: 'AwaitExpression', argument: l.expression(node.arg), at: node.start }
}

export function lowerYield(l: Lowerer, { arg, delegate, start }: NodeOf<'Yield'>): Js {
  l.sawYield = true
  return { type: 'YieldExpression', argument: arg ? l.expression(arg) : null, delegate, at: start }
}
