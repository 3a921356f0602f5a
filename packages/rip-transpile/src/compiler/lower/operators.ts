import type { NodeOf } from '../ast.ts'
import { expression } from './expressions.ts'
import {
  arrow,
  assign,
  binary,
  call,
  conditional,
  id,
  index,
  isNullish,
  logical,
  member,
  method,
  not,
  num,
  str,
  undefinedValue,
} from './js.ts'
import type { Js } from './js.ts'
import { isRepeatable } from './lowerer.ts'
import type { Lowerer } from './lowerer.ts'

/** `x in y`: an element, a part of a string, or a key. */
export function membership(l: Lowerer, node: NodeOf<'In'>): Js {
  const left = expression(l, node.left)
  const loc = l.loc(node)
  let result: Js
  if (node.right.type === 'Arr' || node.right.type === 'Str' || node.right.type === 'Range')
    result = call(member(expression(l, node.right), 'includes'), [left], loc)
  else {
    const name = l.temp('in')
    const leftName = isRepeatable(node.left) ? undefined : l.temp('item')
    const value = leftName ? id(leftName) : left
    const store = assign(id(name), expression(l, node.right))
    const isList = logical(
      '||',
      call(member(id('Array'), 'isArray'), [store]),
      binary(
        '===',
        { type: 'UnaryExpression', operator: 'typeof', prefix: true, argument: id(name) },
        str('string'),
      ),
    )
    result = conditional(
      isList,
      call(member(id(name), 'includes'), [value]),
      binary('in', value, id(name)),
      loc,
    )
    if (leftName) result = { type: 'SequenceExpression', expressions: [assign(id(leftName), left), result] }
  }
  return node.negated ? not(result) : result
}

function matched(l: Lowerer, subject: Js, regex: Js): Js {
  return assign(id('_'), method(call(l.use('__toMatchable'), [subject]), 'match', [regex]))
}

export function lowerMatch(l: Lowerer, node: NodeOf<'Match'>): Js {
  return matched(l, expression(l, node.left), expression(l, node.right))
}

export function lowerRegexIndex(l: Lowerer, node: NodeOf<'RegexIndex'>): Js {
  const group = node.group ? expression(l, node.group) : num(0)
  return logical(
    '&&',
    matched(l, expression(l, node.object), expression(l, node.regex)),
    index(id('_'), group),
  )
}

export function slice(l: Lowerer, node: NodeOf<'Slice'>): Js {
  const target = member(expression(l, node.object), 'slice', undefined, node.optional)
  const from = node.from ? expression(l, node.from) : num(0)
  if (!node.to) return call(target, node.from ? [from] : [], l.loc(node))
  const to = expression(l, node.to)
  if (node.exclusive) return call(target, [from, to], l.loc(node))
  if (node.to.type === 'Num') return call(target, [from, num(Number(node.to.raw) + 1)], l.loc(node))
  return call(
    target,
    [
      from,
      logical(
        '||',
        binary('+', { type: 'UnaryExpression', operator: '+', prefix: true, argument: to }, num(1)),
        id('Infinity'),
      ),
    ],
    l.loc(node),
  )
}

export function rangeArray(l: Lowerer, node: NodeOf<'Range'>): Js {
  const at = id('i')
  const from = id('from')
  const to = id('to')
  const distance = call(member(id('Math'), 'abs'), [binary('-', to, from)])
  const length = node.exclusive ? distance : binary('+', distance, num(1))
  const value = conditional(binary('<=', from, to), binary('+', from, at), binary('-', from, at))
  const properties = [
    {
      type: 'Property',
      kind: 'init',
      key: id('length'),
      value: length,
      computed: false,
      shorthand: false,
      method: false,
    },
  ]
  const make = call(member(id('Array'), 'from'), [
    { type: 'ObjectExpression', properties },
    arrow([id('_'), at], value),
  ])
  return call(arrow([from, to], make), [expression(l, node.from), expression(l, node.to)], l.loc(node))
}

export function pick(l: Lowerer, node: NodeOf<'Pick'>): Js {
  const object = id('object')
  const properties = node.items.map((item) => {
    const value = member(object, item.key)
    const full = item.init ? logical('??', value, expression(l, item.init)) : value
    return {
      type: 'Property',
      kind: 'init',
      key: id(item.name),
      value: full,
      computed: false,
      shorthand: false,
      method: false,
    }
  })
  const name = l.temp('object')
  for (const property of properties) renameObject(property.value, name)
  const picked: Js = { type: 'ObjectExpression', properties }
  const store = assign(id(name), expression(l, node.object))
  if (node.optional) return conditional(isNullish(store), undefinedValue(), picked)
  return { type: 'SequenceExpression', expressions: [store, picked] }
}

function renameObject(value: Js, name: string): void {
  const target = value.type === 'LogicalExpression' ? (value['left'] as Js) : value
  target['object'] = id(name)
}
