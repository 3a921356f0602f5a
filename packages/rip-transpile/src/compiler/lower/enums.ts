import type { NodeOf } from '../ast.ts'
import { declare, id, str } from './js.ts'
import type { Js } from './estree.ts'
import type { Lowerer } from './lowerer.ts'

export function lowerEnum(l: Lowerer, node: NodeOf<'Enum'>): Js[] {
  const props: Js[] = []
  const property = (key: Js, value: Js, computed = false): Js => ({
    type: 'Property',
    kind: 'init',
    key,
    value,
    computed,
    shorthand: false,
    method: false,
  })
  for (const { key, keyStart, value } of node.members) {
    const name = /^[\w$]+$/.test(key) ? id(key, keyStart) : str(key, keyStart)
    props.push(property(name, l.expression(value)))
  }
  for (const { key, keyStart, value } of node.members) {
    const simple = value.type === 'Num' || value.type === 'Str'
    props.push(property(l.expression(value), str(key, keyStart), !simple))
  }
  return [
    declare(
      'const',
      id(node.name.name, node.name.start),
      { type: 'ObjectExpression', properties: props },
      node.start,
    ),
  ]
}
