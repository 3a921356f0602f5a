import type { Node } from '../ast.ts'
import { id } from './js.ts'
import type { Js } from './estree.ts'
import type { Lowerer } from './lowerer.ts'

/** The key of a property or a member. */
export function propertyKey(l: Lowerer, prop: { key: Node; computed: boolean }): Js {
  const { key } = prop
  if (prop.computed) return l.expression(key)
  if (key.type === 'Id') return id(key.name, key.start)
  return l.expression(key)
}
