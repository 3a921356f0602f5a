import { rejectColon } from './diagnostics.ts'
import type { Parser } from './parser.ts'
import { scanType } from './type-scanner.ts'

/** Where a type is written: after a parameter, before an arrow, at the end of a line, or after a name. */
type Where = 'parameter' | 'arrow' | 'line' | 'binding'

/** Skips a type after the current colon and returns its text. Types are not parsed, only balanced. */
export function skipType(p: Parser, where: Where): string {
  const { lx } = p
  const from = lx.end
  const end = typeEnd(p, from, where)
  if (where !== 'parameter' && p.source.slice(from, end).trim() === '') rejectColon(p, from - 1)
  lx.readAsName()
  lx.jump(end)
  return keepType(p, from, end)
}

/** Keeps the text of a type; names that only types use are not imported by the code. */
export function keepType(p: Parser, start: number, end: number): string {
  const text = p.source.slice(start, end).trim()
  p.types.push(text)
  return text
}

/** The text that follows a type, by its place. */
const FOLLOWS: Readonly<Record<Where, RegExp>> = {
  parameter: /[ \t]*(?:[,)=]|\r?\n|#)/y,
  arrow: /[ \t]*[-=]>/y,
  line: /[ \t]*(?:\r?(?:\n|$)|;|#)/y,
  binding: /[ \t]*(?:=|:=|~[=>]|\r?(?:\n|$)|;|#|$)/y,
}

/** Offset where a type that starts at `from` ends. */
function typeEnd(p: Parser, from: number, where: Where): number {
  const end = grammaticalEnd(p, from, where, true)
  if (end !== -1) return end
  const short = where === 'arrow' ? grammaticalEnd(p, from, where, false) : -1
  return short === -1 ? balancedEnd(p, from, where) : short
}

function grammaticalEnd(p: Parser, from: number, where: Where, functions: boolean): number {
  const end = scanType(p.source, from, p.lx.limit, {
    functions,
    predicates: where === 'arrow' || where === 'line',
  })
  const follows = FOLLOWS[where]
  follows.lastIndex = end
  return end !== -1 && follows.test(p.source) ? end : -1
}

/** The end of a type where its grammar does not decide: the next mark outside brackets. */
function balancedEnd(p: Parser, from: number, where: Where): number {
  const { source, lx } = p
  let depth = 0
  for (let pos = from; pos < lx.limit; pos++) {
    const c = source[pos]!
    if (c === '"' || c === "'") {
      const close = source.indexOf(c, pos + 1)
      if (close === -1) return pos
      pos = close
    } else if (c === '=' && source[pos + 1] === '>') {
      if (depth === 0 && where === 'arrow' && !/=>[^\n]*(?:->|=>)/.test(source.slice(pos, lx.endOfLine(pos))))
        return pos
      pos++
    } else if (c === '-' && source[pos + 1] === '>') {
      if (depth === 0 && where === 'arrow') return pos
      pos++
    } else if ('([{<'.includes(c)) depth++
    else if (')]}>'.includes(c)) {
      if (depth === 0) return pos
      depth--
    } else if (depth === 0 && (c === '\n' || c === ';' || c === '#')) return pos
    else if (depth === 0 && where === 'parameter' && (c === ',' || c === '=')) return pos
    else if (
      depth === 0 &&
      where === 'binding' &&
      (c === '=' ||
        ((c === ':' || c === '~') && source[pos + 1] === '=') ||
        (c === '~' && source[pos + 1] === '>'))
    )
      return pos
  }
  return lx.limit
}

/** Skips `<…>` and returns it. */
export function skipTypeParameters(p: Parser): string {
  const { source, lx } = p
  const { start } = lx
  let depth = 0
  for (let pos = start; pos < lx.limit; pos++) {
    if (source[pos] === '<') depth++
    else if (source[pos] === '>' && source[pos - 1] !== '=' && --depth === 0) {
      lx.jump(pos + 1)
      return keepType(p, start, pos + 1)
    }
  }
  return lx.fail('these type parameters are never closed')
}

const BINDING = /[A-Za-z_$][\w$]*\??[ \t]*:(?![:=])[ \t]*(?=\S)/y
const TYPE_ONLY =
  /^(?:(?:string|number|boolean|any|unknown|never|void|object|bigint|symbol)\b(?!\s*[(.])|[A-Z]\w*(?:<.*>)?)(?:\[\])*(?:\s*\|\s*[\w"'<>[\], ]+)*\s*(?:#.*)?$/

/**
 * Whether a typed binding, `name: Type = value` or `name: Type`, is at an offset. Where the second may be a pair of an
 * object, it is one unless the name is assigned below.
 */
export function typedBindingAt(p: Parser, at: number): 'value' | 'declaration' | undefined {
  const { source } = p
  BINDING.lastIndex = at
  const match = BINDING.exec(source)
  if (!match) return undefined
  const from = at + match[0].length
  const end = typeEnd(p, from, 'binding')
  const operator = /^[ \t]*(?:=!|:=|~=|~>|=(?![=>~]))/.exec(source.slice(end, end + 40))
  const text = source.slice(from, end).trim()
  if (operator) return isType(p, from, end) || looksLikeType(text) ? 'value' : undefined
  if (!TYPE_ONLY.test(text)) return undefined
  const isNoValue = /\[\]|<|^void\b/.test(text) || match[0].includes('?')
  return isNoValue || isAtTop(p, end) || isAssignedBelow(p, at, end) ? 'declaration' : undefined
}

/** Whether a statement that ends at an offset is at the top of the module, and not the last one. */
function isAtTop(p: Parser, end: number): boolean {
  return p.block === 0 && p.lx.codeAhead(end) < p.lx.limit
}

/** Whether a line below, in the same block or deeper, assigns the name at an offset. */
function isAssignedBelow(p: Parser, at: number, end: number): boolean {
  const { source } = p
  const name = /^[\w$]+/.exec(source.slice(at, at + 200))![0]
  const indent = at - source.lastIndexOf('\n', at - 1) - 1
  LINE.lastIndex = end
  for (let line = LINE.exec(source); line && line.index < p.lx.limit; line = LINE.exec(source)) {
    const [, blanks = '', code = ''] = line
    if (blanks.length < indent) return false
    if (code.startsWith(name) && ASSIGNS.test(code.slice(name.length))) return true
  }
  return false
}

/** A line that is not blank: its indentation and its code. */
const LINE = /^([ \t]*)([^\s#][^\n]*)/gm
const ASSIGNS = /^[ \t]*(?:[:~]|\?\??|\|\||&&|\*\*|<<|>>>?|[-+*/%&|^]|or|and)?=(?![=>~])/

function isType(p: Parser, from: number, end: number): boolean {
  return scanType(p.source, from, p.lx.limit, { functions: true, predicates: false }) === end
}

function looksLikeType(text: string): boolean {
  return (
    /^[\w$.<>[\]{}()|&,:;?"'= \t-]+$/.test(text) &&
    !/^\d/.test(text) &&
    !/^\w+ \w/.test(text.replace(/^(?:keyof|typeof|readonly|unique) /, ''))
  )
}

const NAME = /@[A-Za-z_$][\w$]*|@|[A-Za-z_$][\w$]*/y
const MEMBER = /(?:\??\.|::)[A-Za-z_$][\w$]*/y
const TYPED_WRITE = /[ \t]*=(?![=>~])/y

/** Whether a typed write to a member, `@name: Type = value`, is at an offset. */
export function typedMemberAt(p: Parser, at: number): boolean {
  const { source } = p
  NAME.lastIndex = at
  const name = NAME.exec(source)?.[0]
  if (!name) return false
  let end = at + name.length
  // Most statements continue otherwise; they are not examined further.
  if (!name.startsWith('@') && !'.?:['.includes(source[end] ?? ' ')) return false
  let isMember = name.length > 1 && name.startsWith('@')
  for (;;) {
    const next = memberEnd(p, end)
    if (next === end) break
    isMember = true
    end = next
  }
  const colon = /^\??[ \t]*:(?![:=])/.exec(source.slice(end, end + 20))?.[0]
  if (!isMember || colon === undefined) return false
  const typeStart = end + colon.length
  TYPED_WRITE.lastIndex = scanType(source, typeStart, p.lx.limit, { functions: true, predicates: false })
  return TYPED_WRITE.lastIndex > typeStart && TYPED_WRITE.test(source)
}

/** Offset after one more `.name` or `[index]`. */
function memberEnd(p: Parser, at: number): number {
  if (p.source[at] === '[') return p.brackets.closeOf(at) + 1 || at
  MEMBER.lastIndex = at
  return at + (MEMBER.exec(p.source)?.[0].length ?? 0)
}
