import type { Fn, NodeOf, Property } from '../ast.ts'
import { thinFunction } from './functions.ts'
import { generated } from './generated.ts'
import { array, call, declare, id, method, returns, spread, statement } from './js.ts'
import type { Js } from './estree.ts'
import { propertyKey } from './keys.ts'
import { loopStatements } from './loops.ts'
import type { Lowerer } from './lowerer.ts'

/** `{…}` as a value. */
export function lowerObject(l: Lowerer, node: NodeOf<'Obj'>): Js {
  return { type: 'ObjectExpression', properties: node.props.map((prop) => property(l, prop)), at: node.start }
}

function property(l: Lowerer, prop: Property): Js {
  if (prop.kind === 'spread') return spread(l.expression(prop.key), prop.start)
  if (prop.value.type === 'Fn' && prop.value.kind === 'thin') return functionProperty(l, prop, prop.value)
  const value = l.expression(prop.value)
  const shorthand = prop.kind === 'shorthand' && value.type === 'Identifier'
  return {
    type: 'Property',
    kind: 'init',
    key: propertyKey(l, prop),
    value,
    computed: prop.computed,
    shorthand,
    method: false,
  }
}

/** A function that uses `super` becomes a method of its object. */
function functionProperty(l: Lowerer, prop: Property, fn: Fn): Js {
  const key = propertyKey(l, prop)
  const { usesSuper, ...value } = thinFunction(l, fn, key)
  const { computed } = prop
  return { type: 'Property', kind: 'init', key, value, computed, shorthand: false, method: usesSuper }
}

/** `*{…}`: a Map. */
export function lowerMap(l: Lowerer, node: NodeOf<'MapLit'>): Js {
  const entries = node.entries.map((entry) =>
    Array.isArray(entry) ? array(l.expressions(entry)) : l.expression(entry),
  )
  return {
    type: 'NewExpression',
    callee: { ...id('Map'), till: node.start },
    arguments: entries.length === 0 ? [] : [array(entries)],
    at: node.start,
    till: node.end,
  }
}

/** Converts a computed key to a property key before the value is computed; most keys need no conversion. */
function keyFirst(l: Lowerer, { prop: { key }, loop }: NodeOf<'ObjFor'>, js: Js): Js {
  const isKey =
    key.type === 'Str' ||
    key.type === 'Template' ||
    key.type === 'Num' ||
    (key.type === 'Id' && loop.kind === 'of' && loop.value?.type === 'Id' && loop.value.name === key.name)
  return isKey ? js : call(l.use('__propertyKey', key.start), [js])
}

/** An object of the entries that a loop collects, all as own properties, also `__proto__`. */
export function objectLoop(l: Lowerer, node: NodeOf<'ObjFor'>): Js {
  return generated(l, node, () => {
    const name = l.fresh('entries')
    const loops = loopStatements(l, node.loop, (lines) => {
      const key =
        node.prop.computed || node.prop.key.type !== 'Id'
          ? l.expression(node.prop.key)
          : id(node.prop.key.name, node.prop.key.start)
      const entry = array([keyFirst(l, node, key), l.expression(node.prop.value)])
      return [...lines, statement(method(id(name), 'push', [entry]), node.prop.start)]
    })
    return [
      declare('const', id(name), array([]), node.start),
      ...loops,
      returns(call(l.use('__objectOf', node.start), [id(name)]), node.start),
    ]
  })
}
