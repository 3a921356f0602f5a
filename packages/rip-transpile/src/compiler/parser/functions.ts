import type { Block, Fn, Node, Param } from '../ast.ts'
import { Scope } from '../scope.ts'
import { rejectArrowOfDef } from './diagnostics.ts'
import { bindName } from './names.ts'
import type { Parser } from './parser.ts'
import { bindPattern } from './targets.ts'
import { skipType, skipTypeParameters } from './types.ts'

const ARROW = /\s*(?:->|=>)/y
const TYPED_ARROW = /:\s*[^\n]*?(?:->|=>)/y

/** Whether an arrow function starts at the current token. */
export function arrowFollows(p: Parser): boolean {
  const { kind, lx } = p
  if (kind === '->' || kind === '=>') return true
  return kind === '(' && isParameterList(p, lx.start)
}

/** Whether the parenthesis at an offset holds parameters. */
export function isParameterList(p: Parser, open: number): boolean {
  const close = p.brackets.closeOf(open)
  if (close === -1) return false
  ARROW.lastIndex = close + 1
  if (ARROW.test(p.source)) return true
  if (p.source[close + 1] !== ':' || p.mode.noColon) return false
  TYPED_ARROW.lastIndex = close + 1
  return TYPED_ARROW.test(p.source)
}

interface Shape {
  kind: Fn['kind']
  name?: string
  nameStart?: number
  isVoid?: boolean
  isConstructor?: boolean
  typeParameters?: string | undefined
  returnType?: string | undefined
}

const PLAIN_PARAM = {
  init: undefined,
  rest: false,
  expansion: false,
  annotation: undefined,
  optional: false,
} as const

/** An arrow function; the current token is its parameter list or arrow. */
export function parseArrow(p: Parser, start: number, shape: Partial<Shape> = {}): Fn {
  return parseFunction(p, start, { kind: 'thin', ...shape })
}

function parseFunction(p: Parser, start: number, shape: Shape): Fn {
  return p.within({ loopHead: false, inParameters: false }, () => parseWholeFunction(p, start, shape))
}

function parseWholeFunction(p: Parser, start: number, shape: Shape): Fn {
  p.enter()
  const outerFn = p.fn
  const outerStart = p.statementStart
  p.fn = { isAsync: false, isGenerator: false }
  p.fnDepth++
  const scope = new Scope(p.scope, true)
  if (shape.kind === 'def') scope.hoistedAs = shape.name
  const node = p.withScope(scope, () => {
    const hasParams = p.is('(')
    const params = hasParams ? parseParams(p) : []
    const promoted = params.find((param) => param.target.type === 'Member')
    if (promoted && !shape.isConstructor) rejectPromoted(p, promoted)
    const typeStart = p.lx.start
    const where = shape.kind === 'def' ? 'line' : 'arrow'
    const returnType = hasParams && p.is(':') ? skipType(p, where) : shape.returnType
    if (p.is('=>') && FUNCTION_TYPE.test(returnType ?? '')) rejectFunctionType(p, typeStart)
    let { kind } = shape
    if (kind === 'def' && (p.is('->') || p.is('=>'))) rejectArrowOfDef(p)
    if (kind !== 'def') {
      if (p.is('=>')) kind = 'fat'
      else if (!p.is('->')) p.unexpected('expected an arrow')
      p.next()
    }
    const body = parseFunctionBody(p)
    if (!hasParams && kind !== 'def' && usesIt(scope)) {
      const it: Node = { type: 'Id', name: 'it', start, end: start }
      scope.bind('it', { form: 'parameter', at: start, block: p.block })
      params.push({ ...PLAIN_PARAM, target: it, optional: true, start, end: start })
    }
    const { isAsync, isGenerator } = p.fn
    if (isGenerator && kind === 'fat')
      p.lx.fail('a function with => cannot yield', start, p.lx.lastEnd, 'Write ->.')
    const { name, nameStart = start, isVoid = false, isConstructor = false } = shape
    const { end } = p.lx
    const fn: Fn = {
      type: 'Fn',
      kind,
      name,
      nameStart,
      params,
      body,
      scope,
      isAsync,
      isGenerator,
      isVoid,
      isConstructor,
      typeParameters: shape.typeParameters,
      returnType,
      start,
      end: body.body.length > 0 ? body.end : end,
    }
    return fn
  })
  p.fn = outerFn
  p.statementStart = outerStart
  p.fnDepth--
  p.depth--
  return node
}

/** A type that looks like the parameters of another function before `=>`. */
const FUNCTION_TYPE = /^\(|^[^<{[(]*=>/

function rejectFunctionType(p: Parser, start: number): never {
  const hint = 'Write ->, or give the type a name.'
  return p.lx.fail('the type before => could be a function as well', start, p.lx.lastEnd, hint)
}

function rejectPromoted(p: Parser, { target }: Param): never {
  const name = p.source.slice(target.start, target.end)
  const hint = `Write ${name} = ${name.slice(1)} in the body.`
  return p.lx.fail('only a constructor takes a parameter with @', target.start, target.end, hint)
}

/** Whether a function without a parameter list uses the implicit argument `it`. */
function usesIt(scope: Scope): boolean {
  if (scope.bound.has('it')) return false
  if (scope.mentions.some((mention) => mention.name === 'it' && mention.use !== 'written')) return true
  return scope.children.some((child) => !child.isFunction && usesIt(child))
}

function parseFunctionBody(p: Parser): Block {
  return p.fresh(() =>
    p.is('INDENT') ? p.indentedBlock() : p.within({ dotsEndBody: true }, () => p.inlineBlock()),
  )
}

/** `async` before an arrow, as in older applications. */
export function parseAsyncArrow(p: Parser, start: number): Fn {
  p.next()
  const fn = parseArrow(p, start)
  fn.isAsync = true
  return fn
}

/** The function of `~=` and `~>`; the current token starts its expression or block. */
export function parseReactiveFunction(p: Parser, kind: 'computed' | 'effect'): Fn {
  const isInline = !p.is('INDENT')
  const wrapper = parseReactiveBody(p)
  const [only] = wrapper.body.body
  const fn = kind === 'effect' && isInline && wrapper.body.body.length === 1 ? arrowIn(only) : undefined
  if (!fn) return wrapper
  if (fn.isGenerator) rejectReactiveYield(p, fn.start)
  return fn
}

/** If the body of an effect is only an arrow function, that function is the effect: its value would be useless. */
function arrowIn(node: Node | undefined): Fn | undefined {
  if (node?.type === 'Paren') return arrowIn(node.body)
  return node?.type === 'Fn' && node.kind !== 'def' ? node : undefined
}

function rejectReactiveYield(p: Parser, start: number): never {
  return p.lx.fail('a reactive value cannot yield', start, p.lx.lastEnd)
}

function parseReactiveBody(p: Parser): Fn {
  const { start } = p.lx
  const outerFn = p.fn
  p.fn = { isAsync: false, isGenerator: false }
  p.fnDepth++
  const scope = new Scope(p.scope, true)
  const fn = p.withScope(scope, (): Fn => {
    const body = parseFunctionBody(p)
    const { isAsync, isGenerator } = p.fn
    if (isGenerator) rejectReactiveYield(p, start)
    return {
      type: 'Fn',
      kind: 'fat',
      name: undefined,
      nameStart: start,
      params: [],
      body,
      scope,
      isAsync,
      isGenerator,
      isVoid: false,
      isConstructor: false,
      typeParameters: undefined,
      returnType: undefined,
      start,
      end: body.end,
    }
  })
  p.fn = outerFn
  p.fnDepth--
  return fn
}

export function parseDef(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  p.next()
  if (!p.isWordLike()) p.unexpected('expected the name of the function')
  const name = lx.value
  const nameStart = lx.start
  if (!p.is('id')) lx.fail(`'${name}' is a reserved word and cannot name a function`, nameStart, lx.end)
  p.next()
  const isVoid = p.is('!') && !lx.spaced
  if (isVoid) p.next()
  const typeParameters = p.is('<') && !lx.spaced ? skipTypeParameters(p) : undefined
  if (p.is('=') || p.is('->') || p.is('=>')) rejectArrowOfDef(p)
  const returnType = p.is(':') ? skipType(p, 'line') : undefined
  const shape = { kind: 'def', name, nameStart, isVoid, typeParameters, returnType } as const
  const fn = parseFunction(p, start, shape)
  if (isOverload(p, fn)) return { type: 'Erased', declares: { kind: 'overload', fn }, start, end: fn.end }
  bindName(p, p.scope.function(), name, nameStart, 'def')
  return fn
}

const NEXT_DEF = /\s*(?:export[ \t]+)?def[ \t]+([\w$]+)/y

/** A signature without a body, above another definition of the same function. */
function isOverload(p: Parser, { name, body }: Fn): boolean {
  if (body.body.length > 0 || !p.is('NEWLINE')) return false
  NEXT_DEF.lastIndex = p.lx.pos
  return NEXT_DEF.exec(p.source)?.[1] === name
}

/** Parses default values of parameters and fields, where `await` is not possible. */
export function withoutWaiting<T>(p: Parser, parse: () => T): T {
  const { fn, lx } = p
  const { start } = lx
  p.fn = { isAsync: false, isGenerator: false }
  const result = parse()
  const { isAsync, isGenerator } = p.fn
  p.fn = fn
  if (isAsync || isGenerator)
    lx.fail(
      `a value cannot ${isAsync ? 'wait' : 'yield'} here`,
      start,
      lx.lastEnd,
      'Compute it in the body of a function.',
    )
  return result
}

/** Parameters in parentheses. */
function parseParams(p: Parser): Param[] {
  const params = p.within({ inParameters: true }, () => withoutWaiting(p, () => parseParamList(p)))
  if (params.filter((param) => param.rest || param.expansion).length > 1) {
    p.lx.fail('a function takes one rest parameter', params[0]!.start, p.lx.lastEnd)
  }
  return params
}

function parseParamList(p: Parser): Param[] {
  const params = p.bracketed(() => {
    const list: Param[] = []
    p.skipLayout()
    while (!p.is(')')) {
      list.push(parseParam(p))
      const broke = p.is('NEWLINE') || p.is('INDENT') || p.is('DEDENT')
      p.skipLayout()
      if (p.accept(',')) p.skipLayout()
      else if (!broke) break
    }
    if (!p.is(')')) p.unexpected('expected , or ) in the parameters')
    return list
  })
  p.next()
  return params
}

function parseParam(p: Parser): Param {
  const { lx } = p
  const { start } = lx
  const rest = p.accept('...')
  if (rest && (p.is(',') || p.is(')'))) {
    return {
      ...PLAIN_PARAM,
      target: { type: 'Erased', start, end: lx.lastEnd },
      expansion: true,
      start,
      end: lx.lastEnd,
    }
  }
  const target = parseParamTarget(p)
  if (target.type !== 'Member') bindPattern(p, target, 'parameter')
  const optional = p.accept('?')
  const annotation = p.is(':') ? skipType(p, 'parameter') : undefined
  if (p.is('...'))
    lx.fail(
      'a rest parameter is written in front',
      start,
      lx.end,
      `Write ...${p.source.slice(start, target.end)}.`,
    )
  const init = p.accept('=') ? p.expression() : undefined
  return { target, init, rest, expansion: false, annotation, optional, start, end: lx.lastEnd }
}

function parseParamTarget(p: Parser): Node {
  const { lx } = p
  if (p.is('id')) {
    const node: Node = { type: 'Id', name: lx.value, start: lx.start, end: lx.end }
    p.next()
    return node
  }
  if (p.is('@')) {
    const { start } = lx
    p.next()
    if (!p.isWordLike()) p.unexpected('expected the name of a property')
    const prop = lx.value
    lx.names.add(prop)
    lx.readAsName()
    p.next()
    const object: Node = { type: 'Keyword', name: 'this', start, end: start + 1 }
    return { type: 'Member', object, prop, optional: false, start, end: lx.lastEnd }
  }
  if (p.is('{') || p.is('[')) return p.primary()
  return lx.fail(`'${lx.value}' cannot name a parameter`)
}
