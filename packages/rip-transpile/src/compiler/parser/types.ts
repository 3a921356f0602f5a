import { rejectColon } from '../diagnostics.ts'
import type { Parser } from './parser.ts'

/** Skips a type whose colon is at hand and returns its text. It is never parsed, only balanced. */
export function skipType(p: Parser, where: 'parameter' | 'arrow' | 'line' | 'binding'): string {
  const { lx } = p
  const from = lx.end
  const end = typeEnd(p, from, where)
  if (where !== 'parameter' && p.source.slice(from, end).trim() === '') rejectColon(p, from - 1)
  lx.kind = 'id'
  lx.jump(end)
  return keepType(p, from, end)
}

/** Text of a type; what it names may need no import in the code. */
export function keepType(p: Parser, start: number, end: number): string {
  const text = p.source.slice(start, end).trim()
  p.types.push(text)
  return text
}

/** Offset where a type that starts at `from` ends. */
export function typeEnd(p: Parser, from: number, where: 'parameter' | 'arrow' | 'line' | 'binding'): number {
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

const BINDING = /[A-Za-z_$][\w$]*\??:(?![:=])[ \t]*(?=\S)/y
const TYPE_ONLY =
  /^(?:(?:string|number|boolean|any|unknown|never|void|object|bigint|symbol)\b(?!\s*[(.])|[A-Z]\w*(?:<.*>)?)(?:\[\])*(?:\s*\|\s*[\w"'<>[\], ]+)*\s*(?:#.*)?$/

/** Whether a typed binding, `name: Type = value` or `name: Type`, stands at an offset. */
export function typedBindingAt(p: Parser, at: number): 'value' | 'declaration' | undefined {
  const { source } = p
  BINDING.lastIndex = at
  const match = BINDING.exec(source)
  if (!match) return undefined
  const from = at + match[0].length
  const end = typeEnd(p, from, 'binding')
  const operator = /^(?:=!|:=|~=|~>|=(?![=>~]))/.exec(source.slice(end, end + 3))
  const text = source.slice(from, end).trim()
  if (operator) return looksLikeType(text) ? 'value' : undefined
  return TYPE_ONLY.test(text) ? 'declaration' : undefined
}

function looksLikeType(text: string): boolean {
  return (
    /^[\w$.<>[\]{}()|&,:;?"'= \t-]+$/.test(text) &&
    !/^\d/.test(text) &&
    !/^\w+ \w/.test(text.replace(/^(?:keyof|typeof|readonly|unique) /, ''))
  )
}
