import type { Node } from '../ast.ts'
import {
  awaited,
  implicitArguments,
  parseArguments,
  parsePostfix,
  startsArgument,
  parseList,
} from './calls.ts'
import { parseClass } from './classes.ts'
import { parseIf, parseSwitch, parseTry } from './conditionals.ts'
import { rejectAsync, rejectOutside, reservedHint } from './diagnostics.ts'
import {
  arrowFollows,
  isParameterList,
  parseArrow,
  parseAsyncArrow,
  parseDef,
  parseReactiveFunction,
} from './functions.ts'
import { parseRaw, parseRegex, parseString, parseTaggedText, parseWords } from './literals.ts'
import { parseFor, parseLoop, parseWhile, withPostfixLoops } from './loops.ts'
import { identifier } from './names.ts'
import { keyAt, parseMap, parseObject } from './objects.ts'
import type { Parser } from './parser.ts'
import { withPostfixTernary } from './postfix-if.ts'
import { parseSchema, schemaFollows } from './schema.ts'

const CONSTANTS: Readonly<
  Record<string, 'true' | 'false' | 'null' | 'undefined' | 'this' | 'super' | 'debugger'>
> = {
  true: 'true',
  yes: 'true',
  on: 'true',
  false: 'false',
  no: 'false',
  off: 'false',
  null: 'null',
  undefined: 'undefined',
  this: 'this',
  super: 'super',
  debugger: 'debugger',
}

export function parsePrimary(p: Parser): Node {
  const { lx, kind } = p
  const { start, end } = lx
  switch (kind) {
    case 'id':
      return parseName(p)
    case 'num':
      p.next()
      return { type: 'Num', raw: p.source.slice(start, end), start, end }
    case '"':
    case "'":
      return parseString(p)
    case '(':
      return isParameterList(p, start) ? parseArrow(p, start) : parseParens(p)
    case '[':
      return parseArray(p)
    case '{':
      return parseObject(p)
    case '@':
      return parseThis(p)
    case '/':
    case '/=':
    case '//':
      return parseRegex(p)
    case '%':
      if (p.source[lx.pos] === 'w') return parseWords(p)
      break
    case '*':
      if (p.source[lx.pos] === '{') return parseMap(p)
      break
    case '`':
      return parseRaw(p)
    case ':':
      return parseSymbol(p)
    case '.':
      if (/\d/.test(p.source[end] ?? '')) return parseFraction(p)
      break
    case 'import':
      return parseImportExpression(p)
    default:
  }
  const constant = CONSTANTS[kind]
  if (!constant) reservedHint(p)
  p.next()
  return { type: 'Keyword', name: constant, start, end }
}

/** `.5`: the lexer makes a separate token of the digits. */
function parseFraction(p: Parser): Node {
  const { start } = p.lx
  p.next()
  const raw = `0${p.source.slice(start, p.lx.end)}`
  if (!/^0\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?$/.test(raw)) p.lx.fail('this is not a number', start, p.lx.end)
  p.next()
  return { type: 'Num', raw, start, end: p.lx.lastEnd }
}

function parseName(p: Parser): Node {
  const { lx } = p
  const { start, end, value } = lx
  if (value === 'async') {
    rejectAsync(p)
    const next = p.lx.save()
    p.next()
    const arrow = lx.spaced && arrowFollows(p)
    lx.restore(next)
    if (arrow) return parseAsyncArrow(p, start)
  }
  if (value === 'schema' && schemaFollows(p)) return parseSchema(p)
  p.next()
  const { lx: after } = p
  if (
    p.is('id') &&
    after.value.startsWith('$') &&
    after.value === '$' &&
    after.spaced &&
    '"\''.includes(p.source[after.end] ?? ' ')
  ) {
    const tag = identifier(p, value, start, end)
    p.next()
    const quasi = parseTaggedText(p)
    return { type: 'Tagged', tag, quasi, start, end: quasi.end }
  }
  return identifier(p, value, start, end)
}

function parseThis(p: Parser): Node {
  const { lx } = p
  const { start, end } = lx
  p.next()
  const object: Node = { type: 'Keyword', name: 'this', start, end }
  // `@"a-b"` is the member of that name.
  if ((p.is('"') || p.is("'")) && lx.start === end) {
    const index = parseString(p)
    return { type: 'Index', object, index, optional: false, start, end: lx.lastEnd }
  }
  if (!p.isWordLike() || lx.spaced || lx.start !== end) return object
  const prop = lx.value
  lx.readAsName()
  p.next()
  return { type: 'Member', object, prop, optional: false, start, end: lx.lastEnd }
}

function parseParens(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  const body = p.bracketed((): Node => {
    p.skipLayout()
    if (p.is(')')) return { type: 'Keyword', name: 'undefined', start, end: start + 1 }
    const inner = p.body(')')
    if (!p.is(')')) p.unexpected('expected )')
    return inner
  })
  p.next()
  return { type: 'Paren', body, start, end: lx.lastEnd }
}

function parseArray(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  const node = p.bracketed((): Node => {
    const items: (Node | null)[] = []
    p.skipLayout()
    while (!p.is(']')) {
      if (p.is(',')) {
        items.push(null)
        p.next()
        p.skipLayout()
        continue
      }
      items.push(parseElement(p))
      if (items.length === 1 && (p.is('..') || p.is('...'))) return parseRange(p, items[0]!, start)
      const broke = p.is('NEWLINE') || p.is('INDENT') || p.is('DEDENT')
      p.skipLayout()
      if (p.accept(',')) p.skipLayout()
      else if (!p.is(']') && !broke) p.unexpected('expected , or ]')
    }
    return { type: 'Arr', items, start, end: lx.end }
  })
  p.skipLayout()
  node.end = lx.end
  p.expect(']', 'behind the elements')
  return node
}

function parseElement(p: Parser): Node {
  const { start } = p.lx
  if (p.is('...')) {
    p.next()
    if (p.is(',') || p.is(']'))
      return { type: 'Spread', arg: { type: 'Erased', start, end: start }, start, end: start + 3 }
    const arg = p.expression()
    return { type: 'Spread', arg, start, end: arg.end }
  }
  return withPostfixLoops(p, p.bracketedValue())
}

function parseRange(p: Parser, from: Node, start: number): Node {
  const exclusive = p.is('...')
  p.next()
  const to = p.expression()
  p.skipLayout()
  return { type: 'Range', from, to, exclusive, start, end: p.lx.end }
}

function parseSymbol(p: Parser): Node {
  const { lx, source } = p
  const { start } = lx
  const pattern = p.dialect === 3 ? /[A-Za-z_$][\w$]*/y : /[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*/y
  pattern.lastIndex = lx.end
  const name = pattern.exec(source)?.[0]
  if (!name) p.unexpected()
  const end = lx.end + name.length
  lx.readAsName()
  lx.jump(end)
  return { type: 'Symbol', name, start, end }
}

function parseImportExpression(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  p.next()
  if (p.is('.')) {
    p.next()
    if (lx.value !== 'meta') p.unexpected('expected import.meta')
    p.next()
    return { type: 'Keyword', name: 'import.meta', start, end: lx.lastEnd }
  }
  const dammit = p.is('!') && !lx.spaced
  if (dammit) p.next()
  const callee: Node = { type: 'Raw', code: 'import', start, end: start + 6 }
  const args = p.is('(') ? parseArguments(p) : [p.expression()]
  if (args.length === 0 || args.length > 2 || args.some((arg) => arg.type === 'Spread'))
    lx.fail('import takes the name of a module, and options', start, lx.lastEnd)
  const call: Node = { type: 'Call', callee, args, optional: false, start, end: lx.lastEnd }
  return dammit ? awaited(p, call) : call
}

const KEYWORDS: ReadonlySet<string> = new Set(
  'if unless switch try for while until class new await yield do return throw break continue *> ~>'.split(
    ' ',
  ),
)

/** What may follow the keyword `loop`: a block on the lines below, or a count. Elsewhere `loop` is a name. */
const LOOP = /[ \t]*\r?\n|[ \t]+[\w(@]|[ \t]+#[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]/y

export function isKeywordExpression(p: Parser): boolean {
  if (!p.is('id')) return KEYWORDS.has(p.kind)
  const { value, end } = p.lx
  if (value === 'def') return /^[ \t]+[A-Za-z_$]/.test(p.source.slice(end, end + 8))
  LOOP.lastIndex = end
  return value === 'loop' && LOOP.test(p.source)
}

export function parseKeywordExpression(p: Parser): Node {
  const { lx, kind } = p
  const { start } = lx
  switch (kind) {
    case 'if':
    case 'unless':
      return parseIf(p)
    case 'switch':
      return parseSwitch(p)
    case 'try':
      return parseTry(p)
    case 'for':
      return parseFor(p)
    case 'while':
    case 'until':
      return parseWhile(p)
    case 'class':
      return parsePostfix(p, parseClass(p))
    case 'new':
      return parseNew(p)
    case 'await':
      p.next()
      p.fn.isAsync = true
      return { type: 'Await', arg: parseOperand(p, () => p.unary()), isSuffix: false, start, end: lx.lastEnd }
    case 'yield':
      return parseYield(p)
    case 'do':
      p.next()
      return { type: 'Do', fn: p.unary(), start, end: lx.lastEnd }
    case '*>':
      return parseMerge(p)
    case '~>': {
      p.next()
      const value = parseReactiveFunction(p, 'effect')
      return {
        type: 'Reactive',
        kind: 'effect',
        name: undefined,
        value,
        annotation: undefined,
        start,
        end: value.end,
      }
    }
    case 'return': {
      if (p.fnDepth === 0) p.outerReturn ??= { start: lx.start, end: lx.end }
      p.next()
      const arg = parseReturned(p)
      return { type: 'Return', arg, start, end: lx.lastEnd }
    }
    case 'throw':
      p.next()
      return {
        type: 'Throw',
        arg: withPostfixTernary(
          p,
          parseOperand(p, () => p.expression()),
        ),
        start,
        end: lx.lastEnd,
      }
    case 'break':
    case 'continue':
      p.next()
      return { type: 'Jump', kind, start, end: lx.lastEnd }
    default:
      return lx.value === 'def' ? parseDef(p) : parseLoop(p)
  }
}

const ENDS: ReadonlySet<string> = new Set(
  ') ] } , ; NEWLINE DEDENT EOF if unless while until for else then when catch finally'.split(' '),
)

function endsHere(p: Parser): boolean {
  return ENDS.has(p.kind)
}

/** The operand of `throw`, `await` and the like: an expression on the same line, or an indented object. */
function parseOperand(p: Parser, parse: (p: Parser) => Node): Node {
  return p.is('INDENT') && keyAt(p, p.lx.start) ? p.rightSide() : parse(p)
}

function parseReturned(p: Parser): Node | undefined {
  if (p.is('INDENT')) return p.rightSide()
  if (isConditionalValue(p)) return parseIf(p)
  return endsHere(p) ? undefined : withPostfixTernary(p, p.expression())
}

/** Whether `if` starts an expression with its own branches, instead of guarding the `return` or `yield` before it. */
function isConditionalValue(p: Parser): boolean {
  if (!p.is('if') && !p.is('unless')) return false
  return p.speculate(() => {
    p.next()
    p.head(() => p.expression())
    return p.is('then') || p.is('INDENT')
  })
}

function parseYield(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  if (p.fnDepth === 0) rejectOutside(p, 'yield', lx)
  p.next()
  p.fn.isGenerator = true
  const delegate = p.isWord('from') || (p.is('*') && p.source[lx.pos] !== '{')
  if (delegate) p.next()
  if (delegate && endsHere(p)) p.unexpected('expected the generator to take values from')
  const arg = isConditionalValue(p)
    ? parseIf(p)
    : endsHere(p)
      ? undefined
      : parseOperand(p, () => p.expression())
  return { type: 'Yield', arg, delegate, start, end: lx.lastEnd }
}

function parseMerge(p: Parser): Node {
  const { start } = p.lx
  p.next()
  const node = p.expression()
  if (node.type !== 'Assign' || node.op !== '=')
    p.lx.fail('*> merges into a target: *>target = value', start, node.end)
  return { type: 'Merge', target: node.target, value: node.value, start, end: node.end }
}

function parseNew(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  p.next()
  if (p.is('.')) {
    p.next()
    if (lx.value !== 'target') p.unexpected('expected new.target')
    p.next()
    return parsePostfix(p, { type: 'Keyword', name: 'new.target', start, end: lx.lastEnd })
  }
  let callee = p.is('class') ? parseClass(p) : p.is('new') ? parseNew(p) : parsePrimary(p)
  for (;;) {
    if (p.is('.') && !lx.spaced && p.source[lx.pos] !== '{') {
      p.next()
      if (!p.isWordLike()) p.unexpected('expected the name of a member')
      const prop = lx.value
      lx.readAsName()
      p.next()
      callee = { type: 'Member', object: callee, prop, optional: false, start: callee.start, end: lx.lastEnd }
    } else if (p.is('[') && !lx.spaced) {
      const indexes = p.bracketed(() => parseList(p, ']'))
      const [index] = indexes
      if (indexes.length !== 1) p.unexpected('expected one index')
      p.next()
      callee = {
        type: 'Index',
        object: callee,
        index: index!,
        optional: false,
        start: callee.start,
        end: lx.lastEnd,
      }
    } else break
  }
  if ((p.is('"') || p.is("'")) && !lx.spaced && callee.type !== 'Paren') {
    const quasi = parseTaggedText(p)
    callee = { type: 'Tagged', tag: callee, quasi, start: callee.start, end: quasi.end }
  }
  let args: Node[] = []
  let dammit = false
  if (p.is('!') && !lx.spaced) {
    p.next()
    dammit = true
  }
  if (p.is('(') && !lx.spaced) args = parseArguments(p)
  else if (lx.spaced && !lx.leading && startsArgument(p)) args = implicitArguments(p)
  const node: Node = { type: 'New', callee, args, start, end: lx.lastEnd }
  return parsePostfix(p, dammit ? awaited(p, node) : node)
}
