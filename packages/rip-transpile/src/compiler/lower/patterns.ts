import type { Node, NodeOf, Property } from '../ast.ts'
import { contained } from './hoisting.ts'
import type { Js } from './estree.ts'
import { propertyKey } from './keys.ts'
import type { Lowerer } from './lowerer.ts'

/** The target of an assignment, a parameter or a loop variable. */
export function pattern(l: Lowerer, target: Node): Js {
  switch (target.type) {
    case 'Arr':
      return {
        type: 'ArrayPattern',
        elements: elementsOf(l, target).map((item) => item && pattern(l, item)),
        at: target.start,
      }
    case 'Obj':
      return {
        type: 'ObjectPattern',
        properties: target.props.map((prop) => patternProperty(l, prop)),
        at: target.start,
      }
    case 'Spread':
      return { type: 'RestElement', argument: pattern(l, target.arg), at: target.start }
    case 'Assign':
      return {
        type: 'AssignmentPattern',
        left: pattern(l, target.target),
        right: l.inParameters ? contained(l, target.value) : l.expression(target.value),
      }
    case 'Paren':
      return pattern(l, target.body)
    default:
      return l.expression(target)
  }
}

/** Elements of an array pattern; a nameless `...` at the end is dropped. */
function elementsOf(l: Lowerer, { items }: NodeOf<'Arr'>): (Node | null)[] {
  const last = items[items.length - 1]
  const rest = items.slice(0, -1).find((item) => item?.type === 'Spread')
  if (rest) l.fail('here a rest must be the last element', rest, 'Take the array apart in a line of its own.')
  return last?.type === 'Spread' && last.arg.type === 'Erased' ? items.slice(0, -1) : items
}

function patternProperty(l: Lowerer, prop: Property): Js {
  if (prop.kind === 'spread') return pattern(l, prop.value)
  const value = pattern(l, prop.value)
  const shorthand =
    prop.kind === 'shorthand' &&
    (value.type === 'Identifier' || (value.type === 'AssignmentPattern' && value.left.type === 'Identifier'))
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

interface RestSplit {
  head: (Node | null)[]
  rest: Node
  tail: (Node | null)[]
}

/** Splits `[a, ...b, c]`, because JavaScript allows a rest only at the end. */
export function splitRest(target: Node): RestSplit | undefined {
  if (target.type !== 'Arr') return undefined
  const at = target.items.findIndex((item) => item?.type === 'Spread')
  const rest = target.items[at]
  if (rest?.type !== 'Spread' || at === target.items.length - 1) return undefined
  return { head: target.items.slice(0, at), rest: rest.arg, tail: target.items.slice(at + 1) }
}
