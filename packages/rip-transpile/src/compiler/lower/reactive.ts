import type { NodeOf } from '../ast.ts'
import { call, declare, id } from './js.ts'
import type { Js } from './estree.ts'
import type { Lowerer, Sink } from './lowerer.ts'

export function lowerReactive(l: Lowerer, node: NodeOf<'Reactive'>, sink: Sink): Js[] {
  const value = reactiveValue(l, node)
  if (!node.name) return [l.deliver(sink, value, node.start)]
  const declaration = declare('const', id(node.name.name, node.name.start), value, node.start)
  if (sink.kind === 'discard') return [declaration]
  return [declaration, l.deliver(sink, l.expression(node.name), node.start)]
}

/** An effect as an expression; the other kinds declare a name. */
export function lowerReactiveValue(l: Lowerer, node: NodeOf<'Reactive'>): Js {
  if (node.name)
    l.fail(
      'a reactive declaration is a statement of its own',
      node,
      `Declare ${node.name.name} on a line before.`,
    )
  return reactiveValue(l, node)
}

function reactiveValue(l: Lowerer, node: NodeOf<'Reactive'>): Js {
  const make = l.use(`__${node.kind}`, node.name ? l.operatorAfter(node.name) : node.start)
  return call(make, [l.expression(node.value)])
}
