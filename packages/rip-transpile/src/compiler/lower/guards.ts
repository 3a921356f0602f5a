import type { NodeOf } from '../ast.ts'
import { assign, id, ifs, isNullish, not } from './js.ts'
import type { Js } from './estree.ts'
import { DISCARD } from './lowerer.ts'
import type { Lowerer, Sink } from './lowerer.ts'

/** `value or return` and the like, where the right side leaves the function or loop. */
export function lowerGuard(l: Lowerer, node: NodeOf<'Logical'>, sink: Sink): Js[] {
  const leave = l.body(node.right, DISCARD)
  if (sink.kind === 'discard')
    return [ifs(guardTest(node.op, l.expression(node.left)), leave, undefined, node.start)]
  const name = l.temp('value')
  const test = guardTest(node.op, assign(id(name), l.expression(node.left)))
  return [ifs(test, leave, undefined, node.start), l.deliver(sink, id(name), node.start)]
}

export function guardTest(op: string, value: Js): Js {
  if (op === '||') return not(value)
  return op === '&&' ? value : isNullish(value)
}
