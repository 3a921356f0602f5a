import type { Node, Property } from '../ast.ts'
import { isNameStart } from '../lexer.ts'
import { skipString } from '../scan.ts'
import { rejectBlockInBraces, rejectColon, rejectProperty } from './diagnostics.ts'
import { parseString } from './literals.ts'
import { parseLoopHead, withPostfixLoops } from './loops.ts'
import { identifier } from './names.ts'
import type { Parser } from './parser.ts'
import { withPendingIf } from './postfix-if.ts'

/** A name, or several joined by `-` or `.`; a comment may be between them, and blanks around the `.`. */
const KEY =
  /(?:@?[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*(?:(?:###(?!#)[^#]*###)?(?:-|[ \t]*\.[ \t]*)(?:###(?!#)[^#]*###)?[A-Za-z_$][\w$]*)*|\d[\w.]*)!?(?::(?![:=])|[ \t]+:(?=\s))/y
const BETWEEN_NAMES = /###[^#]*###|[ \t]+/g

/** Whether a key with its colon stands at an offset. */
export function keyAt(p: Parser, at: number): boolean {
  if (p.mode.noColon) return false
  const { source } = p
  const c = source.charCodeAt(at)
  if (c === 34 || c === 39) return isPairColon(source, skipString(source, at))
  if (c === 91) {
    const close = p.brackets.closeOf(at)
    return close !== -1 && isPairColon(source, close + 1)
  }
  if (!isNameStart(c) && c !== 64 && !(c >= 48 && c <= 57)) return false
  KEY.lastIndex = at
  return KEY.test(source)
}

/** A colon directly after the key, or with blanks around it. */
const PAIR_COLON = /:(?![:=])|[ \t]+:(?=\s)/y

function isPairColon(source: string, at: number): boolean {
  PAIR_COLON.lastIndex = at
  return PAIR_COLON.test(source)
}

interface Key {
  key: Node
  computed: boolean
}

/** A key up to, not including, its colon. */
export function parseKey(p: Parser): Key {
  const { lx, source } = p
  const { start } = lx
  if (p.is('"') || p.is("'")) {
    const key = parseString(p)
    return { key, computed: key.type === 'Template' }
  }
  if (p.is('[')) {
    const key = p.bracketed(() => {
      p.skipLayout()
      const inner = p.expression()
      p.skipLayout()
      return inner
    })
    p.expect(']', 'behind the computed key')
    return { key, computed: true }
  }
  if (p.is('num')) {
    const raw = lx.value
    p.next()
    return { key: { type: 'Num', raw, start, end: lx.lastEnd }, computed: false }
  }
  if (!p.isWordLike()) p.unexpected('expected the key of a property')
  KEY.lastIndex = start
  const compound = KEY.exec(source)?.[0].replace(/!?[ \t]*:$/, '')
  if (compound && /[-.]/.test(compound)) {
    lx.readAsName()
    lx.jump(start + compound.length)
    const value = compound.replace(BETWEEN_NAMES, '')
    return { key: { type: 'Str', value, start, end: start + compound.length }, computed: false }
  }
  const name = lx.value
  const { end } = lx
  lx.readAsName()
  p.next()
  return { key: { type: 'Id', name, start, end }, computed: false }
}

/** `key: value` pairs without braces; the current token is the first key. */
export function parseImplicitObject(p: Parser): Node {
  const { start } = p.lx
  const ownLine = p.source.slice(p.source.lastIndexOf('\n', start - 1) + 1, start).trim() === ''
  p.enter()
  const props = ownLine ? parsePairs(p, true) : p.within({ dotsEndBody: true }, () => parsePairs(p, false))
  p.depth--
  return { type: 'Obj', props, start, end: p.lx.lastEnd }
}

/** `ownLine`: whether the first pair starts its line. */
function parsePairs(p: Parser, ownLine: boolean): Property[] {
  const { lx } = p
  const props: Property[] = []
  let indented = 0
  for (;;) {
    props.push(ownLine ? withPostfixValue(p, parsePair(p), props.length > 0) : parsePair(p))
    if (p.is(',')) {
      if (!pairFollows(p, lx.pos)) {
        if ((ownLine || indented > 0) && lx.blockEndsAhead()) p.next()
        break
      }
      p.next()
      if (p.is('INDENT')) {
        indented++
        p.next()
      } else if (p.is('NEWLINE')) p.next()
      continue
    }
    if (p.is('NEWLINE') && (ownLine || indented > 0) && pairAhead(p, lx.pos)) {
      p.next()
      continue
    }
    break
  }
  while (indented > 0 && (p.is('DEDENT') || p.is('NEWLINE'))) {
    if (p.is('DEDENT')) indented--
    p.next()
  }
  return props
}

/** If pairs have their own lines, a postfix condition or loop at the end of a line applies to that value only. */
function withPostfixValue(p: Parser, pair: Property, follows: boolean): Property {
  const belongs =
    follows || pairIsNext(p) || (p.is('for') && pairAhead(p, p.brackets.siblingBelow(p.lx.start)))
  if (!belongs) return pair
  const value = withPostfixLoops(p, withPendingIf(p, pair.value))
  return { ...pair, value, end: value.end }
}

function pairIsNext(p: Parser): boolean {
  return p.is('NEWLINE') && pairAhead(p, p.lx.pos)
}

function pairFollows(p: Parser, comma: number): boolean {
  return pairAhead(p, p.lx.codeAhead(comma))
}

function pairAhead(p: Parser, at: number): boolean {
  return at !== -1 && keyAt(p, at)
}

function parsePair(p: Parser): Property {
  const { lx } = p
  const { start } = lx
  const { key, computed } = parseKey(p)
  const isVoid = acceptVoid(p)
  const colon = lx.start
  p.expect(':', 'behind the key')
  if (p.is('INDENT') && p.mode.noIndentArgs) rejectColon(p, colon)
  const value = p.is('INDENT') ? p.rightSide() : p.value()
  if (isVoid) markVoid(value)
  return { kind: 'pair', key, computed, value, start, end: value.end }
}

/** `name!:` before a function that returns nothing. */
function acceptVoid(p: Parser): boolean {
  return !p.lx.spaced && p.accept('!')
}

function markVoid(value: Node): void {
  if (value.type === 'Fn') value.isVoid = true
}

/** `{…}`: an object, a pattern or an object comprehension. */
export function parseObject(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  const node = p.bracketed((): Node => {
    const props: Property[] = []
    p.skipLayout()
    while (!p.is('}')) {
      props.push(parseProperty(p))
      if (p.is('for') && props.length === 1) return parseObjectLoop(p, props[0]!, start)
      const broke = p.is('NEWLINE') || p.is('INDENT') || p.is('DEDENT')
      p.skipLayout()
      if (p.accept(',')) p.skipLayout()
      else if (!p.is('}') && !broke) rejectBlockInBraces(p)
    }
    return { type: 'Obj', props, start, end: lx.end }
  })
  node.end = lx.end
  p.expect('}', 'behind the properties')
  return node
}

function parseObjectLoop(p: Parser, prop: Property, start: number): Node {
  const loop = parseLoopHead(p, start, 0)
  p.skipLayout()
  if (!p.is('}')) p.unexpected('expected } behind the comprehension')
  return { type: 'ObjFor', prop, loop, start, end: p.lx.end }
}

function parseProperty(p: Parser): Property {
  const { lx } = p
  const { start } = lx
  if (p.is('...')) {
    p.next()
    const value = p.expression()
    return {
      kind: 'spread',
      key: value,
      computed: false,
      value: { type: 'Spread', arg: value, start, end: value.end },
      start,
      end: value.end,
    }
  }
  if (p.is('@')) return parseThisShorthand(p, start)
  const reserved = !p.is('id')
  const { key, computed } = parseKey(p)
  const isVoid = acceptVoid(p)
  if (p.is(':')) {
    p.next()
    const value = p.is('INDENT') ? p.rightSide() : p.bracketedValue()
    if (isVoid) markVoid(value)
    return { kind: 'pair', key, computed, value, start, end: value.end }
  }
  if (key.type !== 'Id' || reserved) rejectProperty(p, key)
  const name = identifier(p, key.name, key.start, key.end)
  if (!p.is('=')) return { kind: 'shorthand', key, computed: false, value: name, start, end: key.end }
  p.next()
  p.skipLayout()
  const init = p.expression()
  const value: Node = {
    type: 'Assign',
    op: '=',
    target: name,
    value: init,
    isConst: false,
    annotation: undefined,
    start,
    end: init.end,
  }
  return { kind: 'shorthand', key, computed: false, value, start, end: init.end }
}

/** `{@a}` is `{a: @a}`. */
function parseThisShorthand(p: Parser, start: number): Property {
  const { lx } = p
  p.next()
  if (!p.isWordLike()) p.unexpected('expected the name of a property')
  const key: Node = { type: 'Id', name: lx.value, start: lx.start, end: lx.end }
  const object: Node = { type: 'Keyword', name: 'this', start, end: start + 1 }
  lx.readAsName()
  p.next()
  const value: Node = { type: 'Member', object, prop: key.name, optional: false, start, end: lx.lastEnd }
  return { kind: 'pair', key, computed: false, value, start, end: lx.lastEnd }
}

/** `*{…}`: a Map; the current token is `*`. */
export function parseMap(p: Parser): Node {
  const { lx } = p
  const { start } = lx
  p.next()
  const entries: ([Node, Node] | Node)[] = []
  p.bracketed(() => {
    p.skipLayout()
    while (!p.is('}')) {
      entries.push(parseMapEntry(p))
      p.skipLayout()
      if (p.accept(',')) p.skipLayout()
    }
  })
  p.next()
  return { type: 'MapLit', entries, start, end: lx.lastEnd }
}

function parseMapEntry(p: Parser): [Node, Node] | Node {
  const { start } = p.lx
  if (p.accept('...')) {
    const arg = p.expression()
    return { type: 'Spread', arg, start, end: arg.end }
  }
  const key = parseMapKey(p)
  p.expect(':', 'behind the key')
  return [key, p.is('INDENT') ? p.rightSide() : p.bracketedValue()]
}

function parseMapKey(p: Parser): Node {
  const { start } = p.lx
  if (p.is('id') && keyAt(p, start)) {
    const { key } = parseKey(p)
    return key.type === 'Id' ? { type: 'Str', value: key.name, start, end: key.end } : key
  }
  const key = p.within({ noColon: true }, () => p.expression())
  if (key.type === 'Arr' && key.items.length === 1) return key.items[0]!
  return key
}
