import type { Assign, Node, NodeOf } from '../ast.ts'
import { patternNames } from '../parser/targets.ts'
import { hoistNames } from './hoisting.ts'
import {
  assign,
  conditional,
  id,
  index,
  isNullish,
  method,
  num,
  sequence,
  standard,
  undefinedValue,
} from './js.ts'
import type { Js, JsOf } from './estree.ts'
import { isRepeatable } from './lowerer.ts'
import type { Lowerer } from './lowerer.ts'
import { memberOf } from './members.ts'
import { arithmetic } from './operators.ts'
import { pattern, splitRest } from './patterns.ts'

type Access = NodeOf<'Member'> | NodeOf<'Index'>

/** Lowers an assignment; with `isUsed` the expression has the assigned value. */
export function assignment(l: Lowerer, node: Assign, isUsed: boolean): Js {
  const { target } = node
  hoistNames(l, patternNames(target))
  if (node.isConst) for (const { name } of patternNames(target)) l.fn.hoisted.add(name)
  const guarded = optionalPart(target)
  if (guarded)
    return whenPresent(l, guarded, target, (plain) => assignment(l, { ...node, target: plain }, isUsed))
  if (node.op === '//=' || node.op === '%%=') {
    // The parts of the target come first in the text, so they are evaluated first.
    const { read, write } = stable(l, target)
    return stableWrite(l, read, write, node.op.slice(0, 2), l.expression(node.value), l.operatorAfter(target))
  }
  if (splitRest(target)) return patternAssignment(l, target, l.expression(node.value), isUsed)
  return assign(pattern(l, target), l.expression(node.value), node.op)
}

/** Assigns to a pattern that may have a rest in its middle; with `isUsed` the result is the assigned value. */
export function patternAssignment(l: Lowerer, target: Node, value: Js, isUsed: boolean): Js {
  const split = splitRest(target)
  if (!split) return assign(pattern(l, target), value)
  const whole = isUsed ? l.temp() : undefined
  const skipped = split.rest.type === 'Erased' ? l.temp('rest') : undefined
  const rest = skipped === undefined ? pattern(l, split.rest) : id(skipped)
  const head: JsOf<'ArrayPattern'> = {
    type: 'ArrayPattern',
    elements: [
      ...split.head.map((item) => item && pattern(l, item)),
      { type: 'RestElement', argument: rest },
    ],
  }
  const tail: JsOf<'ArrayPattern'> = {
    type: 'ArrayPattern',
    elements: split.tail.map((item) => item && pattern(l, item)),
  }
  return sequence([
    assign(head, whole === undefined ? value : assign(id(whole), value)),
    assign(tail, method(rest, 'splice', [num(-split.tail.length)], split.rest.start)),
    ...(whole === undefined ? [] : [id(whole)]),
  ])
}

/** Makes a target readable and writable with its parts evaluated once. */
function stable(l: Lowerer, target: Node): { read: Js; write: Js } {
  if (target.type === 'Paren') return stable(l, target.body)
  if (target.type !== 'Member' && target.type !== 'Index')
    return { read: l.expression(target), write: l.expression(target) }
  const [first, object] = once(l, target.object)
  if (target.type === 'Member') {
    const plain = { ...target, optional: false }
    return { read: memberOf(l, first, plain), write: memberOf(l, object, plain) }
  }
  const [key, again] = once(l, target.index)
  return { read: index(first, key), write: index(object, again) }
}

function once(l: Lowerer, node: Node): [Js, Js] {
  const value = l.expression(node)
  if (isRepeatable(node)) return [value, value]
  const name = l.temp()
  return [assign(id(name), value), id(name)]
}

/** Writes a target with an optional part, if that part is present. */
export function whenPresent(l: Lowerer, guarded: Access, target: Node, write: (plain: Node) => Js): Js {
  const name = l.temp()
  const held: Node = { type: 'Raw', code: name, start: guarded.start, end: guarded.end }
  const test = isNullish(assign(id(name), l.expression(guarded.object)))
  const plain = replacePart(target, guarded, { ...guarded, object: held, optional: false })
  return conditional(test, undefinedValue(), write(plain))
}

/** The outermost optional access of a target. */
export function optionalPart(target: Node): Access | undefined {
  if (target.type !== 'Member' && target.type !== 'Index') return undefined
  return target.optional ? target : optionalPart(target.object)
}

function replacePart(target: Node, part: Node, by: Node): Node {
  if (target === part) return by
  if (target.type !== 'Member' && target.type !== 'Index') return target
  return { ...target, object: replacePart(target.object, part, by) }
}

function stableWrite(l: Lowerer, read: Js, write: Js, op: string, value: Js, at: number): Js {
  if (read === write || read.type === 'Identifier') return assign(write, arithmetic(l, op, read, value, at))
  const name = l.temp('value')
  return sequence([assign(id(name), read), assign(write, arithmetic(l, op, id(name), value, at))])
}

/** `x .= trim()`: assigns the result of a method of the target to the target. */
export function methodAssign(l: Lowerer, node: NodeOf<'MethodAssign'>): Js {
  const { target } = node
  hoistNames(l, patternNames(target))
  if (target.type !== 'Member' && target.type !== 'Index')
    return assign(l.expression(target), l.expression(node.value(target)))
  const { read, write } = stable(l, target)
  const name = l.temp('value')
  const base: Node = { type: 'Raw', code: name, start: target.start, end: target.end }
  return sequence([assign(id(name), read), assign(write, l.expression(node.value(base)))])
}

export function update(l: Lowerer, node: NodeOf<'Update'>): Js {
  const guarded = optionalPart(node.arg)
  if (guarded) return whenPresent(l, guarded, node.arg, (arg) => update(l, { ...node, arg }))
  const { op: operator, prefix } = node
  return { type: 'UpdateExpression', operator, prefix, argument: l.expression(node.arg), at: node.start }
}

/** An assignment as an expression. */
export function assignedValue(l: Lowerer, node: Assign): Js {
  return assignment(l, node, true)
}

/** `*>a = {…}`: merges properties into an object. */
export function merge(l: Lowerer, node: NodeOf<'Merge'>): Js {
  const target = assign(l.expression(node.target), { type: 'ObjectExpression', properties: [] }, '??=')
  return standard('Object', 'assign', [target, l.expression(node.value)], node.start)
}
