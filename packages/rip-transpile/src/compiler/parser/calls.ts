import type { Node, PickItem } from '../ast.ts'
import { isNamePart, isNameStart } from '../lexer.ts'
import { rejectBraces } from './diagnostics.ts'
import { arrowFollows } from './functions.ts'
import { parseTaggedText } from './literals.ts'
import { withPostfixLoops } from './loops.ts'
import { mentionMatch } from './names.ts'
import { keyAt, parseImplicitObject } from './objects.ts'
import type { Parser } from './parser.ts'
import { assignTarget, isAssignable } from './targets.ts'

/** Everything that may follow an expression: members, calls, `!`, `?` and arguments without parentheses. */
export function parsePostfix(p: Parser, first: Node): Node {
  let node = first
  for (;;) {
    const after = parseSuffix(p, node)
    if (!after) return node
    node = after
  }
}

function parseSuffix(p: Parser, node: Node): Node | undefined {
  const { lx, kind } = p
  if (lx.leading && (p.mode.inImplicit || p.mode.dotsEndBody || kind === ',' || kind === '?'))
    return undefined
  if (kind === '.' && lx.spaced && isSpacedAccess(p) && !/\d/.test(p.source[lx.end] ?? ''))
    return parseAccess(p, node)
  if (kind === '?.' && lx.spaced && isSpacedAccess(p) && !/\d/.test(p.source[lx.pos] ?? ''))
    return parseOptional(p, node)
  if (kind === '{' && node.type === 'Paren' && p.mode.noIndentArgs) rejectBraces(p, lx.start)
  if (lx.spaced && !lx.leading)
    return isCallable(node) && startsArgument(p) ? implicitCall(p, node, false) : undefined
  const { start } = node
  switch (kind) {
    case '.':
      return parseAccess(p, node)
    case '?.':
      return parseOptional(p, node)
    case '::':
      return parsePrototype(p, node, false)
    case '(':
      return calling(p, node, parseArguments(p), false)
    case '[':
      return parseIndex(p, node, false)
    case '!':
      return node.type === 'Num' || node.type === 'Str' ? undefined : parseDammit(p, node)
    case '?!':
      return parsePresence(p, node)
    case '?':
      return parseQuestion(p, node)
    case '++':
    case '--':
      if (!isAssignable(node)) return undefined
      p.next()
      assignTarget(p, node, 'changed')
      return { type: 'Update', op: kind, arg: node, prefix: false, start, end: lx.lastEnd }
    case '"':
    case "'": {
      if (!isCallable(node)) return undefined
      const quasi = parseTaggedText(p)
      return { type: 'Tagged', tag: node, quasi, start, end: quasi.end }
    }
    default:
      return undefined
  }
}

/** A call, which awaits if the previous call does: in `f!(a)(b)` the `!` applies to both. */
function calling(p: Parser, callee: Node, args: Node[], optional: boolean): Node {
  const call: Node = { type: 'Call', callee, args, optional, start: callee.start, end: p.lx.lastEnd }
  return callee.type === 'Await' && callee.isSuffix ? awaited(p, call) : call
}

/** `a .b` or `a ?.b` on one line. */
function isSpacedAccess(p: Parser): boolean {
  return !p.lx.leading && !p.mode.inImplicit
}

function parseAccess(p: Parser, object: Node): Node {
  return p.source[p.lx.pos] === '{' ? parsePick(p, object, false) : parseMember(p, object, false)
}

function parseMember(p: Parser, object: Node, optional: boolean): Node {
  const { lx } = p
  p.next()
  if (!p.isWordLike()) p.unexpected('expected the name of a member')
  const prop = lx.value
  lx.readAsName()
  const { end } = lx
  p.next()
  if (prop === 'new') {
    const made = parseRubyNew(p, object)
    if (made) return made
  }
  return { type: 'Member', object, prop, optional, start: object.start, end }
}

/** After `Name.new`: its arguments, and before them a `!` if the construction is awaited. */
function parseRubyNew(p: Parser, callee: Node): Node | undefined {
  const { lx } = p
  const { start } = callee
  const waits = p.is('!') && !lx.spaced && !isVoidAssignment(p)
  if (waits) p.next()
  let args: Node[] | undefined
  if (p.is('(') && !lx.spaced) args = parseArguments(p)
  else if (lx.spaced && !lx.leading && startsArgument(p)) args = implicitArguments(p)
  if (!args && !waits) return undefined
  const made: Node = { type: 'New', callee, args: args ?? [], start, end: lx.lastEnd }
  return waits ? awaited(p, made) : made
}

/** `name! = ->`: the `!` marks the assigned function as returning nothing. */
function isVoidAssignment(p: Parser): boolean {
  return /^!\s*=(?![=~>])/.test(p.source.slice(p.lx.start, p.lx.start + 40))
}

function parseOptional(p: Parser, node: Node): Node {
  const { lx, source } = p
  const c = source[lx.pos]
  if (c === '{') return parsePick(p, node, true)
  if (c === '[') {
    p.next()
    return parseIndex(p, node, true)
  }
  if (c === '(') {
    p.next()
    return calling(p, node, parseArguments(p), true)
  }
  return parseMember(p, node, true)
}

function parsePrototype(p: Parser, node: Node, optional: boolean): Node {
  const { start, end } = node
  const object: Node = { type: 'Member', object: node, prop: 'prototype', optional, start, end }
  const c = p.source.charCodeAt(p.lx.pos)
  if (isNameStart(c)) return parseMember(p, object, false)
  if (p.source[p.lx.pos] === ' ')
    p.lx.fail('`::` is the prototype, not a type', p.lx.start, p.lx.end, "Write a type behind a single ':'.")
  p.next()
  return object
}

function parseQuestion(p: Parser, node: Node): Node | undefined {
  const { lx, source } = p
  const { start } = node
  const c = source[lx.pos]
  if (c === '[' || c === '(') {
    p.next()
    if (p.is('[')) return parseIndex(p, node, true)
    return calling(p, node, parseArguments(p), true)
  }
  if (source.startsWith('::', lx.pos)) {
    p.next()
    return parsePrototype(p, node, true)
  }
  if (isAssignable(node) && /^[ \t]*(?:=(?![=>~])|:=|~=|~>)/.test(source.slice(lx.pos, lx.pos + 20)))
    return undefined
  p.next()
  if (lx.spaced && isCallable(node) && startsArgument(p)) return implicitCall(p, node, true)
  return { type: 'Exists', arg: node, start, end: lx.lastEnd }
}

function parsePresence(p: Parser, node: Node): Node {
  const { lx } = p
  const { start } = node
  p.next()
  if (p.is('(') && !lx.spaced) {
    const args = parseArguments(p)
    return awaited(p, { type: 'Call', callee: node, args, optional: true, start, end: lx.lastEnd })
  }
  if (lx.spaced && isCallable(node) && startsArgument(p)) return awaited(p, implicitCall(p, node, true))
  return { type: 'Presence', arg: node, start, end: lx.lastEnd }
}

export function awaited(p: Parser, arg: Node): Node {
  p.fn.isAsync = true
  return { type: 'Await', arg, isSuffix: true, start: arg.start, end: arg.end }
}

/** `f!`: calls and awaits the result. */
function parseDammit(p: Parser, node: Node): Node | undefined {
  const { lx } = p
  if (isVoidAssignment(p)) return undefined
  p.next()
  if (node.type === 'New' || node.type === 'Call') return awaited(p, node)
  const { start } = node
  if (p.is('(') && !lx.spaced) {
    const args = parseArguments(p)
    return awaited(p, { type: 'Call', callee: node, args, optional: false, start, end: lx.lastEnd })
  }
  if (lx.spaced && !lx.leading && startsArgument(p)) return awaited(p, implicitCall(p, node, false))
  return awaited(p, { type: 'Call', callee: node, args: [], optional: false, start, end: lx.lastEnd })
}

function parseIndex(p: Parser, object: Node, optional: boolean): Node {
  const { lx } = p
  const { start } = object
  const node = p.bracketed((): Node => {
    p.skipLayout()
    if (p.is('..') || p.is('...')) return parseSlice(p, object, undefined, optional)
    const index = plainNumber(p.bracketedValue())
    if (p.is('..') || p.is('...')) return parseSlice(p, object, index, optional)
    if (index.type === 'Regex' || (p.is(',') && index.type === 'DynamicRegex')) {
      mentionMatch(p, start)
      const group = p.accept(',') ? p.expression() : undefined
      return { type: 'RegexIndex', object, regex: index, group, start, end: lx.end }
    }
    return { type: 'Index', object, index, optional, start, end: lx.end }
  })
  p.skipLayoutTo(']')
  node.end = lx.end
  p.expect(']', 'at the end of the index')
  return node
}

/** A negative number without the parentheses around it, which counts from the end. */
function plainNumber(node: Node): Node {
  if (node.type === 'Paren') {
    const inner = plainNumber(node.body)
    return inner.type === 'Unary' && inner.op === '-' && inner.arg.type === 'Num' ? inner : node
  }
  if (node.type !== 'Unary' || node.op !== '-' || node.arg.type !== 'Paren') return node
  return node.arg.body.type === 'Num' ? { ...node, arg: node.arg.body } : node
}

function parseSlice(p: Parser, object: Node, from: Node | undefined, optional: boolean): Node {
  const exclusive = p.is('...')
  p.next()
  const to = p.is(']') ? undefined : p.expression()
  return { type: 'Slice', object, from, to, exclusive, optional, start: object.start, end: p.lx.end }
}

function parsePick(p: Parser, object: Node, optional: boolean): Node {
  const { lx } = p
  p.next()
  const items: PickItem[] = []
  p.bracketed(() => {
    p.skipLayout()
    while (!p.is('}')) {
      const { start } = lx
      if (!p.isWordLike()) p.unexpected('expected the name of a property to pick')
      const key = lx.value
      lx.readAsName()
      p.next()
      let name = key
      let nameStart = start
      if (p.accept(':')) {
        name = lx.value
        nameStart = lx.start
        if (!p.is('id')) p.unexpected('expected the new name of the property')
        p.next()
      }
      const init = p.accept('=') ? p.expression() : undefined
      items.push({ key, name, nameStart, init, start, end: lx.lastEnd })
      if (p.is(',') || p.is('NEWLINE')) {
        p.next()
        p.skipLayout()
      } else {
        p.skipLayout()
        if (!p.is('}')) p.unexpected('expected , or }')
      }
    }
  })
  if (items.length === 0) lx.fail('this pick names no property', object.end, lx.end)
  p.next()
  return { type: 'Pick', object, items, optional, start: object.start, end: lx.lastEnd }
}

/** The arguments `(a, b)` at the current token. */
export function parseArguments(p: Parser): Node[] {
  const args = p.bracketed(() => parseList(p, ')'))
  p.expect(')', 'behind the arguments')
  return args
}

/** Expressions up to a closing bracket, separated by commas or line breaks. */
export function parseList(p: Parser, close: string): Node[] {
  const items: Node[] = []
  p.skipLayout()
  while (p.kind !== close) {
    items.push(parseArgument(p))
    const broke = isLayout(p.kind)
    p.skipLayout()
    if (p.accept(',')) p.skipLayout()
    else if (p.kind !== close && !broke && !literalBeforeArrow(p, items[items.length - 1]!)) {
      p.unexpected(`expected , or ${close}`)
    }
  }
  return items
}

function isLayout(kind: string): boolean {
  return kind === 'NEWLINE' || kind === 'INDENT' || kind === 'DEDENT'
}

function parseArgument(p: Parser): Node {
  const { start } = p.lx
  if (p.is('...')) {
    p.next()
    const arg = p.expression()
    return { type: 'Spread', arg, start, end: arg.end }
  }
  if (p.mode.inImplicit) return p.expression()
  return withPostfixLoops(p, p.bracketedValue())
}

const LITERALS: ReadonlySet<string> = new Set([
  'Str',
  'Template',
  'Regex',
  'DynamicRegex',
  'Num',
  'Arr',
  'Obj',
  'Symbol',
  'MapLit',
])

/** The comma between a literal and an arrow function may be missing. */
function literalBeforeArrow(p: Parser, node: Node): boolean {
  const literal =
    LITERALS.has(node.type) ||
    (node.type === 'Unary' && node.arg.type === 'Num') ||
    (node.type === 'Id' && !isCallable(node)) ||
    (node.type === 'Keyword' && node.name !== 'this' && node.name !== 'super')
  return literal && arrowFollows(p)
}

const POSTFIX: ReadonlySet<string> = new Set(['if', 'unless', 'while', 'until', 'for'])

/** `f a, b`: the current token starts the first argument. */
function implicitCall(p: Parser, callee: Node, optional: boolean): Node {
  const args = implicitArguments(p)
  return { type: 'Call', callee, args, optional, start: callee.start, end: p.lx.lastEnd }
}

export function implicitArguments(p: Parser): Node[] {
  return p.within({ inImplicit: true }, () => parseImplicitArguments(p))
}

function parseImplicitArguments(p: Parser): Node[] {
  const args: Node[] = []
  let indented = 0
  if (p.is('INDENT')) args.push(indentedObject(p))
  else args.push(parseArgument(p))
  for (;;) {
    if (literalBeforeArrow(p, args[args.length - 1]!)) {
      args.push(parseArgument(p))
      continue
    }
    // Arguments on lines of their own need no commas.
    if (indented > 0 && p.is('NEWLINE')) {
      p.next()
      args.push(parseArgument(p))
      continue
    }
    // A comma at the start of a line closes the lines of the argument before it.
    if (indented > 0 && p.is('DEDENT') && p.lx.leading && p.source[p.lx.pos] === ',') {
      indented--
      p.next()
    }
    // A comma before a closing bracket belongs to the list in that bracket; a parenthesis allows none.
    if (p.is(',') && p.lx.charAhead() === ')') {
      p.next()
      break
    }
    if (!p.is(',') || ')]}'.includes(p.lx.charAhead() || ' ')) break
    if (p.mode.commaEndsBody && indented === 0 && p.lx.lineEndsAhead()) break
    const isLast = indented > 0 && p.lx.blockEndsAhead()
    p.next()
    if (isLast) break
    if (p.is('INDENT')) {
      indented++
      p.next()
    } else {
      if (indented > 0 && p.accept('DEDENT')) indented--
      if (p.is('NEWLINE')) p.next()
    }
    args.push(parseArgument(p))
  }
  // A postfix condition or loop after the last argument applies to the call.
  if (indented > 0 && POSTFIX.has(p.kind)) {
    p.lx.forgetIndents(indented)
    indented = 0
  }
  while (indented > 0 && (p.is('NEWLINE') || p.is('DEDENT'))) {
    if (p.is('DEDENT')) indented--
    p.next()
  }
  if (p.is('INDENT') && !p.mode.noIndentArgs && keyAt(p, p.lx.start) && args.length > 0)
    args.push(indentedObject(p))
  return args
}

function indentedObject(p: Parser): Node {
  return p.fresh(() => {
    p.next()
    const object = parseImplicitObject(p)
    if (p.is('NEWLINE')) p.next()
    if (!p.accept('DEDENT')) p.unexpected('expected the next property')
    return object
  })
}

function isCallable(node: Node): boolean {
  switch (node.type) {
    case 'Id':
      return node.name !== 'Infinity' && node.name !== 'NaN'
    case 'Member':
    case 'Index':
    case 'Call':
    case 'Paren':
    case 'RegexIndex':
      return true
    case 'Keyword':
      return node.name === 'super' || node.name === 'this'
    default:
      return false
  }
}

const ARGUMENT_WORDS: ReadonlySet<string> = new Set(
  'not typeof new delete await yield do class true false null undefined this super yes no on off switch try def import'.split(
    ' ',
  ),
)

/** Whether the current token, after a blank, starts an argument instead of continuing the expression. */
export function startsArgument(p: Parser): boolean {
  const { lx, kind, source } = p
  const after = source[lx.end] ?? '\n'
  const tight = !/\s/.test(after)
  switch (kind) {
    case 'id':
      if (lx.value === 'as') return !/^[ \t]*!?[ \t]*[\w{[(<$"'`-]/.test(source.slice(lx.end, lx.end + 20))
      return !(lx.value === 'by' && p.mode.loopHead)
    case 'num':
    case '"':
    case "'":
    case '@':
    case '(':
    case '[':
    case '{':
    case '->':
    case '=>':
    case '`':
      return true
    case '...':
      return tight
    case '.':
      return /\d/.test(after)
    case '-':
    case '+':
    case '~':
      return tight && after !== '='
    case '!':
    case '--':
    case '++':
      return tight
    case '/':
      return tight && after !== '=' && p.brackets.closesRegex(lx.start)
    case '//':
      return after === '/' && source.indexOf('///', lx.end + 1) !== -1
    case ':':
      return isNameStart(source.charCodeAt(lx.end)) && !p.mode.noColon
    case '%':
      return after === 'w' && /[^\w\s]/.test(source[lx.end + 1] ?? ' ')
    case '*':
      return after === '{'
    case '$':
      return false
    case 'INDENT':
      return !p.mode.noIndentArgs && keyAt(p, lx.start)
    case 'if':
    case 'unless':
      return p.brackets.wordOnLine('then', lx.end) || (!p.mode.noIndentArgs && p.brackets.blockBelow(lx.end))
    default:
      if (!ARGUMENT_WORDS.has(kind)) return false
      if (kind === 'not') return !/^\s+(?:in|of|instanceof)\b/.test(source.slice(lx.end, lx.end + 20))
      return !isNamePart(source.charCodeAt(lx.end))
  }
}
