import type { Node, NodeOf } from '../ast.ts'
import { call, id, index, member, undefinedValue } from './js.ts'
import type { Js } from './estree.ts'
import type { Lowerer } from './lowerer.ts'
import { superObject } from './members.ts'

export function lowerCall(l: Lowerer, node: NodeOf<'Call'>): Js {
  const { superArguments } = l
  l.superArguments = node.callee.type === 'Keyword' && node.callee.name === 'super' && l.fn.promoted.size > 0
  const args = l.expressions(node.args)
  l.superArguments = superArguments
  const { callee } = node
  if (callee.type === 'Keyword' && callee.name === 'super')
    return call(parentOf(l, callee), args, l.bracketEnd(node))
  rejectBareParameter(l, node)
  return call(l.expression(callee), args, l.bracketEnd(node), node.optional)
}

/** Refuses `x => x + 1`: it calls `x` with a function, but reads like a JavaScript arrow function. */
function rejectBareParameter(l: Lowerer, { callee, args: [fn] }: NodeOf<'Call'>): void {
  if (callee.type !== 'Id' || fn?.type !== 'Fn' || fn.kind !== 'fat' || fn.params.length > 0) return
  const { name } = callee
  if (l.source[callee.end] === '(' || l.scope.owner(name)) return
  if (!fn.scope.mentions.some((mention) => mention.name === name)) return
  l.fail(`'${name} =>' calls ${name}`, callee, `A parameter has parentheses: (${name}) => …`)
}

/** The function that `super()` calls: the constructor of the parent, or its method of the same name. */
function parentOf(l: Lowerer, node: NodeOf<'Keyword'>): Js {
  const parent = superObject(l, node)
  const name = l.fn.methodName
  if (name && !(name.type === 'Identifier' && name.name === 'constructor')) {
    const plain = { ...name, at: node.start, till: undefined }
    return name.type === 'Identifier' ? member(parent, name.name) : index(parent, plain)
  }
  if (!l.fn.callsParent) l.fail("'super()' has nothing to call", node, 'Let the class extend another one.')
  return parent
}

/** An error that the constructor throws, or that is constructed, has the position of the parenthesis. */
export function lowerNew(l: Lowerer, node: NodeOf<'New'>): Js {
  const callee = { ...l.expression(node.callee), till: node.start }
  return {
    type: 'NewExpression',
    callee: isOptional(node.callee) ? { type: 'ParenthesizedExpression', expression: callee } : callee,
    arguments: l.expressions(node.args),
    at: node.start,
    till: l.bracketEnd(node),
  }
}

/** Whether a chain has an optional link, with which JavaScript constructs nothing unless it is in parentheses. */
function isOptional(node: Node): boolean {
  if (node.type !== 'Member' && node.type !== 'Index') return false
  return node.optional || isOptional(node.object)
}

export function lowerDo(l: Lowerer, node: NodeOf<'Do'>): Js {
  return call(l.expression(node.fn), doArguments(l, node.fn), l.bracketEnd(node))
}

function doArguments(l: Lowerer, fn: Node): Js[] {
  const inner = fn.type === 'Paren' ? fn.body : fn
  if (inner.type !== 'Fn') return []
  // An immediate call passes nothing for an implicit `it`.
  const { params } = inner
  return params
    .filter(({ start, end }) => end > start)
    .map((param) =>
      param.init
        ? l.expression(param.init)
        : param.target.type === 'Id'
          ? id(param.target.name, param.target.start)
          : undefinedValue(),
    )
}
