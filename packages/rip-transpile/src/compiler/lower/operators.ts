import type { NodeOf } from '../ast.ts'
import {
  arrow,
  assign,
  binary,
  call,
  conditional,
  id,
  index,
  isNullish,
  keyword,
  logical,
  member,
  method,
  not,
  num,
  standard,
  str,
  unary,
  undefinedValue,
} from './js.ts'
import type { Js, Property } from './estree.ts'
import { isRepeatable } from './lowerer.ts'
import type { Lowerer } from './lowerer.ts'

/** `x in y`: element of a list, part of a string, or key of an object. */
export function membership(l: Lowerer, node: NodeOf<'In'>): Js {
  const left = l.expression(node.left)
  const at = l.operatorAfter(node.left)
  let result: Js
  if (node.right.type === 'Arr' || node.right.type === 'Str' || node.right.type === 'Range')
    result = method(l.expression(node.right), 'includes', [left], at)
  else {
    const name = l.temp('in')
    const leftName = isRepeatable(node.left) ? undefined : l.temp('item')
    const value = leftName ? id(leftName) : left
    const store = assign(id(name), l.expression(node.right))
    const isList = logical(
      '||',
      standard('Array', 'isArray', [store], at),
      binary(
        '===',
        { type: 'UnaryExpression', operator: 'typeof', prefix: true, argument: id(name) },
        str('string'),
      ),
    )
    result = conditional(isList, method(id(name, at), 'includes', [value], at), binary('in', value, id(name)))
    if (leftName) result = { type: 'SequenceExpression', expressions: [assign(id(leftName), left), result] }
  }
  return node.negated ? not(result) : result
}

function matched(l: Lowerer, subject: Js, regex: Js, at: number): Js {
  const text = call(l.use('__toMatchable', at), [subject])
  return assign(id('_', at), method(text, 'match', [regex], at))
}

export function lowerMatch(l: Lowerer, node: NodeOf<'Match'>): Js {
  return matched(l, l.expression(node.left), l.expression(node.right), l.operatorAfter(node.left))
}

export function lowerRegexIndex(l: Lowerer, node: NodeOf<'RegexIndex'>): Js {
  const at = l.operatorAfter(node.object)
  const group = node.group ? l.expression(node.group) : num(0)
  return logical(
    '&&',
    matched(l, l.expression(node.object), l.expression(node.regex), at),
    index(id('_', at), group),
  )
}

export function slice(l: Lowerer, node: NodeOf<'Slice'>): Js {
  const { end } = node
  const at = l.operatorAfter(node.object)
  const target = member(l.expression(node.object), 'slice', at, node.optional)
  const from = node.from ? l.expression(node.from) : num(0)
  if (!node.to) return call(target, node.from ? [from] : [], end)
  const to = l.expression(node.to)
  if (node.exclusive) return call(target, [from, to], end)
  if (node.to.type === 'Num') return call(target, [from, num(Number(node.to.raw) + 1)], end)
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
    end,
  )
}

export function rangeArray(l: Lowerer, node: NodeOf<'Range'>): Js {
  const offset = id('i')
  const from = id('from')
  const to = id('to')
  const distance = method(id('Math'), 'abs', [binary('-', to, from)])
  const length = node.exclusive ? distance : binary('+', distance, num(1))
  const value = conditional(binary('<=', from, to), binary('+', from, offset), binary('-', from, offset))
  const properties: Property[] = [
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
  const make = method(id('Array'), 'from', [
    { type: 'ObjectExpression', properties },
    arrow([id('_'), offset], value),
  ])
  const maker = { ...arrow([from, to], make), at: node.start, till: node.start }
  return call(maker, [l.expression(node.from), l.expression(node.to)], node.end)
}

export function pick(l: Lowerer, node: NodeOf<'Pick'>): Js {
  const object = id('object')
  const properties = node.items.map((item): Property => {
    const value = member(object, item.key, item.start)
    const full = item.init ? logical('??', value, l.expression(item.init)) : value
    return {
      type: 'Property',
      kind: 'init',
      // As a plain name, `__proto__` would set the prototype.
      key: item.name === '__proto__' ? str(item.name, item.nameStart) : id(item.name, item.nameStart),
      value: full,
      computed: item.name === '__proto__',
      shorthand: false,
      method: false,
    }
  })
  const name = l.temp('object')
  for (const property of properties) renameObject(property.value, name)
  const picked: Js = { type: 'ObjectExpression', properties }
  const store = assign(id(name), l.expression(node.object))
  if (node.optional) return conditional(isNullish(store), undefinedValue(), picked)
  return { type: 'SequenceExpression', expressions: [store, picked] }
}

function renameObject(value: Js, name: string): void {
  const target = value.type === 'LogicalExpression' ? value.left : value
  if (target.type === 'MemberExpression') target.object = id(name)
}

export function arithmetic(l: Lowerer, op: string, left: Js, right: Js, at: number): Js {
  if (op === '//') return standard('Math', 'floor', [binary('/', left, right)], at)
  if (op === '%%') {
    const name = l.temp('modulus')
    const rest = binary('%', left, assign(id(name), right))
    return binary('%', binary('+', rest, id(name)), id(name))
  }
  if (op === '**' && left.type === 'UnaryExpression')
    return binary('**', { type: 'ParenthesizedExpression', expression: left }, right)
  return binary(op, left, right)
}

export function lowerUnary(l: Lowerer, node: NodeOf<'Unary'>): Js {
  const { arg } = node
  if (node.op === '!' && arg.type === 'Paren') return unary('!', l.expression(arg.body), node.start)
  return unary(node.op, l.expression(arg), node.start)
}

export function lowerBinary(l: Lowerer, node: NodeOf<'Binary'>): Js {
  const left = l.expression(node.left)
  const right = l.expression(node.right)
  const at = l.operatorAfter(node.left)
  if (node.op === '*' && node.left.type === 'Str') return method(left, 'repeat', [right], at)
  return arithmetic(l, node.op, left, right, at)
}

/** A chain of numeric operators; `at` is the offset of the operator. */
export function chain(l: Lowerer, node: NodeOf<'Chain'>): Js {
  let result: Js | undefined
  let left = l.expression(node.operands[0]!)
  for (const [at, op] of node.ops.entries()) {
    const operand = node.operands[at + 1]!
    let right = l.expression(operand)
    let next = right
    if (at < node.ops.length - 1 && !isRepeatable(operand)) {
      const name = l.temp()
      right = assign(id(name), right)
      next = id(name)
    }
    const test = binary(op, left, right)
    result = result ? logical('&&', result, test) : test
    left = next
  }
  return result!
}

export function lowerLogical(l: Lowerer, node: NodeOf<'Logical'>): Js {
  return logical(node.op, l.expression(node.left), l.expression(node.right))
}

/** `a?`: whether the value is neither null nor undefined. */
export function lowerExists(l: Lowerer, node: NodeOf<'Exists'>): Js {
  return binary('!=', l.expression(node.arg), keyword('null'))
}

/** `a?!`: the presence operator. */
export function lowerPresence(l: Lowerer, node: NodeOf<'Presence'>): Js {
  return conditional(l.expression(node.arg), keyword('true'), undefinedValue())
}
