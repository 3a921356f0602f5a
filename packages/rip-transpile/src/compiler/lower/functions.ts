import type { Fn, Node, Param } from '../ast.ts'
import { isFixedName } from '../parser/names.ts'
import { contained, withHoisted } from './hoisting.ts'
import { arrow, assign, block, call, declare, id, member, method, num, raw, spread, statement } from './js.ts'
import type { BlockStatement, FunctionNode, Js, JsOf } from './estree.ts'
import { DISCARD, END_OF_BODY } from './lowerer.ts'
import type { Lowerer, Sink } from './lowerer.ts'
import { pattern, splitRest } from './patterns.ts'

interface Options {
  methodName?: Js
  derived?: boolean
  /** Methods that the constructor binds. */
  bound?: readonly Js[]
}

interface Parts {
  params: Js[]
  body: BlockStatement
  /** Whether the body uses `super`, so that the function has to be a method. */
  usesSuper: boolean
}

/** Parameters and body of a function. */
export function functionParts(l: Lowerer, node: Fn, options: Options = {}): Parts {
  const { fn, scope, atTop, generated, loops, breakable, sawAwait, sawYield, inParameters } = l
  const lexical = node.kind === 'fat'
  const methodName = options.methodName ?? (lexical ? fn.methodName : undefined)
  const callsParent = lexical ? fn.callsParent : node.isConstructor && options.derived === true
  l.fn = {
    scope: node.scope,
    hoisted: new Set(),
    methodName,
    isVoid: node.isVoid,
    callsParent,
    hasOwnThis: !lexical || fn.hasOwnThis,
    usesSuper: false,
    mayDropFrame: !node.isAsync && !node.isGenerator,
    promoted: new Map(),
  }
  l.scope = node.scope
  l.generated = l.loops = l.breakable = 0
  l.atTop = false
  const prologue: Js[] = []
  l.inParameters = true
  const params = lowerParams(l, node.params, prologue)
  l.inParameters = false
  l.atTop = true
  const silent = node.isVoid || node.isConstructor
  const body = l.statements(
    node.body.body,
    silent || (node.isGenerator && !endsInValue(node)) ? DISCARD : END_OF_BODY,
  )
  const setup = [...(options.bound ?? []).map(bindMethod), ...prologue]
  const full = node.isConstructor ? placeSetup(setup, body, options.derived ?? false) : [...setup, ...body]
  const complete = withHoisted(l, full)
  const { usesSuper } = l.fn
  if (lexical) fn.usesSuper ||= usesSuper
  Object.assign(l, { fn, scope, atTop, generated, loops, breakable, sawAwait, sawYield, inParameters })
  return { params, body: block(complete), usesSuper }
}

function endsInValue(node: Fn): boolean {
  const last = node.body.body[node.body.body.length - 1]
  return last !== undefined && last.type !== 'Yield' && last.type !== 'For' && last.type !== 'While'
}

function bindMethod(key: Js): Js {
  const target: Js =
    key.type === 'Identifier'
      ? member(raw('this'), key.name)
      : { type: 'MemberExpression', object: raw('this'), property: key, computed: true, optional: false }
  return statement(assign(target, call(member(target, 'bind'), [raw('this')])))
}

/** In a derived class, the first statements of a constructor have to come after `super()`. */
function placeSetup(setup: Js[], body: Js[], derived: boolean): Js[] {
  if (!derived) return [...setup, ...body]
  const at = body.findIndex(isSuperCall)
  if (at === -1) {
    if (hasSuper(body)) return [...body, ...setup]
    return [statement(call(raw('super'), [spread(id('arguments'))])), ...setup, ...body]
  }
  return [...body.slice(0, at + 1), ...setup, ...body.slice(at + 1)]
}

function isSuperCall(node: Js): boolean {
  return node.type === 'ExpressionStatement' && callsSuper(node.expression)
}

function callsSuper(node: Js): boolean {
  return node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'super'
}

function hasSuper(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasSuper)
  if (typeof value !== 'object' || value === null) return false
  const node = value as Js
  if (callsSuper(node)) return true
  return Object.values(node).some(hasSuper)
}

function lowerParams(l: Lowerer, params: Param[], prologue: Js[]): Js[] {
  const tailAt = params.findIndex((param) => param.rest || param.expansion)
  if (tailAt === -1 || (tailAt === params.length - 1 && params[tailAt]!.rest))
    return params.map((param) => lowerParam(l, param, prologue))
  const head = params.slice(0, tailAt).map((param) => lowerParam(l, param, prologue))
  const middle = params[tailAt]!
  const tail = params.slice(tailAt + 1)
  const name = middle.expansion || middle.target.type !== 'Id' ? l.fresh('rest') : middle.target.name
  if (tail.length === 0) return head
  const at = middle.target.type === 'Id' ? middle.target.start : middle.start
  const left: JsOf<'ArrayPattern'> = {
    type: 'ArrayPattern',
    elements: tail.map((param) => lowerParam(l, param, prologue)),
  }
  const taken = method(id(name, at), 'splice', [num(-tail.length)])
  prologue.unshift(declare('let', left, taken, tail[0]!.start))
  return [...head, { type: 'RestElement', argument: id(name, at), at: middle.start }]
}

function lowerParam(l: Lowerer, param: Param, prologue: Js[]): Js {
  let left: Js
  if (param.target.type === 'Member') {
    const name = param.target.prop
    const local = l.fn.scope.has(name) || isFixedName(name) ? l.fresh(name) : name
    l.fn.promoted.set(name, local)
    const { start } = param.target
    const at = l.nameAtEnd(param.target, name)
    if (at !== undefined && local !== name) l.renamed.set(at, name)
    left = id(local, at)
    prologue.push(statement(assign(member(raw('this', start), name, at), id(local, at)), start))
  } else left = paramPattern(l, param.target, prologue)
  if (param.rest) return { type: 'RestElement', argument: left, at: param.start }
  if (param.init) return { type: 'AssignmentPattern', left, right: contained(l, param.init) }
  return left
}

function paramPattern(l: Lowerer, target: Node, prologue: Js[]): Js {
  const split = splitRest(target)
  if (!split) return pattern(l, target)
  const at = split.rest.start
  const rest = split.rest.type === 'Id' ? split.rest.name : l.fresh('rest')
  const tail: JsOf<'ArrayPattern'> = {
    type: 'ArrayPattern',
    elements: split.tail.map((item) => item && pattern(l, item)),
  }
  const taken = method(id(rest, at), 'splice', [num(-split.tail.length)])
  prologue.push(declare('let', tail, taken, target.start))
  return {
    type: 'ArrayPattern',
    elements: [
      ...split.head.map((item) => item && pattern(l, item)),
      { type: 'RestElement', argument: id(rest, at) },
    ],
    at: target.start,
  }
}

/** A function as an expression. */
export function functionValue(l: Lowerer, node: Fn): Js {
  if (node.kind !== 'fat') return thinFunction(l, node)
  const { params, body } = functionParts(l, node)
  const [only] = body.body
  const returned = body.body.length === 1 && only?.type === 'ReturnStatement' ? only.argument : undefined
  const short = returned ?? body
  return { ...arrow(params, short, node.isAsync), at: node.start, till: node.start }
}

/** A function with its own `this`, as an expression or as the method of a name. */
export function thinFunction(l: Lowerer, node: Fn, methodName?: Js): FunctionNode & { usesSuper: boolean } {
  const { params, body, usesSuper } = functionParts(l, node, methodName ? { methodName } : {})
  return {
    type: 'FunctionExpression',
    id: node.name === undefined ? null : id(node.name, node.nameStart),
    params,
    body,
    async: node.isAsync,
    generator: node.isGenerator,
    usesSuper,
    at: node.start,
    till: node.start,
  }
}

export function functionDeclaration(l: Lowerer, node: Fn): Js {
  const { params, body } = functionParts(l, node)
  return {
    type: 'FunctionDeclaration',
    id: id(node.name ?? '', node.nameStart),
    params,
    body,
    async: node.isAsync,
    generator: node.isGenerator,
    at: node.start,
    till: node.start,
  }
}

/** A definition; its value is the function. */
export function lowerDef(l: Lowerer, node: Fn, sink: Sink): Js[] | undefined {
  if (node.kind !== 'def') return undefined
  const declaration = functionDeclaration(l, node)
  if (sink.kind === 'discard') return [declaration]
  return [declaration, l.deliver(sink, id(node.name ?? '', node.nameStart))]
}
