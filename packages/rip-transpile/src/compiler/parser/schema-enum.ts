import type { SchemaLiteral, SchemaMember } from '../ast.ts'
import { parseString } from './literals.ts'
import type { Parser } from './parser.ts'

const WORDS: Readonly<Record<string, SchemaLiteral>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
  null: null,
  undefined: undefined,
}

/** `:name` or `:name value`; the current token is the colon. */
export function parseEnumMember(p: Parser): SchemaMember {
  const { lx } = p
  const { start } = lx
  const name = parseSymbolName(p)
  if (p.is(':')) lx.fail('a value follows its member without a colon', lx.start, lx.end, `Write :${name} 1.`)
  const value = endsLine(p) ? undefined : { value: parseLiteral(p) }
  return { tag: 'enum-member', name, value, start, end: lx.lastEnd }
}

export function endsLine(p: Parser): boolean {
  return ['NEWLINE', ';', ',', ')', ']', '}', 'DEDENT', 'EOF'].includes(p.kind)
}

/** The name of a symbol; the current token is its colon. */
export function parseSymbolName(p: Parser): string {
  const { lx } = p
  const { start, end } = lx
  p.next()
  if (!p.isWordLike() || lx.start !== end)
    lx.fail('this colon has no name', start, end, 'Write :name without a blank.')
  const name = lx.value
  lx.readAsName()
  p.next()
  return name
}

/** A literal that is known at compile time: a number, text, `true`, `null` or a symbol. */
export function parseLiteral(p: Parser): SchemaLiteral {
  const { lx } = p
  const { start } = lx
  if (p.is(':')) return parseSymbolName(p)
  if (p.is('"') || p.is("'")) {
    const text = parseString(p)
    if (text.type === 'Str') return text.value
  } else if (p.is('num') || p.is('-') || p.is('.')) return parseNumber(p)
  else if (Object.hasOwn(WORDS, p.kind)) {
    const value = WORDS[p.kind]
    p.next()
    return value
  }
  return lx.fail(
    'a schema holds plain values here',
    start,
    Math.max(lx.end, start + 1),
    'Write a number, a text in quotes, true, false, null or a :symbol.',
  )
}

/** A number with its sign. */
export function parseNumber(p: Parser): number {
  const { lx } = p
  const { start } = lx
  const sign = p.accept('-') ? -1 : 1
  if (!p.is('num')) p.unexpected('expected a number')
  const value = Number(lx.value.replaceAll('_', ''))
  p.next()
  if (Number.isNaN(value)) lx.fail('this is not a number literal', start, lx.lastEnd)
  return sign * value
}
