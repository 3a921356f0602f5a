import type { Node } from '../ast.ts'
import { arrow, block, call, method, raw } from './js.ts'
import type { Js, JsOf } from './estree.ts'
import type { Lowerer } from './lowerer.ts'

/** Statements in place of an expression: a function that is called at once. */
export function generated(l: Lowerer, node: Node, make: () => Js[]): Js {
  const at = node.start
  const { sawAwait, sawYield, loops, breakable } = l
  l.sawAwait = l.sawYield = false
  l.loops = l.breakable = 0
  l.generated++
  const lines = make()
  l.generated--
  Object.assign(l, { loops, breakable })
  const waits = l.sawAwait
  const yields = l.sawYield
  l.sawAwait ||= sawAwait
  l.sawYield ||= sawYield
  if (yields) {
    const fn: JsOf<'FunctionExpression'> = {
      type: 'FunctionExpression',
      id: null,
      params: [],
      body: block(lines),
      async: waits,
      generator: true,
      at,
      till: at,
    }
    return { type: 'YieldExpression', argument: method(fn, 'call', [raw('this')]), delegate: true, at }
  }
  const result = call({ ...arrow([], block(lines), waits), at, till: at }, [])
  return waits ? { type: 'AwaitExpression', argument: result, at } : result
}
