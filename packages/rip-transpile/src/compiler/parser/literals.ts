import type { Node, NodeOf } from '../ast.ts'
import { rejectTemplate } from './diagnostics.ts'
import type { Parser } from './parser.ts'

type Text = NodeOf<'Str'> | NodeOf<'Template'>

interface Chunks {
  /** Raw text between the interpolations. */
  quasis: string[]
  exprs: Node[]
  end: number
}

/** Reads raw text up to `fence`, entering interpolations with the parser. */
function readChunks(p: Parser, from: number, fence: string, markers: string, long: boolean): Chunks {
  const { source, lx } = p
  const start = lx.start
  const quasis: string[] = []
  const exprs: Node[] = []
  let chunk = from
  let pos = from
  for (;;) {
    if (pos >= lx.limit || (source[pos] === '\n' && !long)) rejectOpenInterpolation(p)
    if (pos >= lx.limit)
      lx.fail('this string is never closed', start, start + fence.length, `End it with ${fence}`)
    const c = source[pos]!
    if (c === '\\') pos += 2
    else if (source.startsWith(fence, pos)) break
    else if (c === '\n' && !long) {
      lx.fail('a quoted string ends on its line', start, pos, 'Use """ or \'\'\' for text of several lines.')
    } else if (markers.includes(c) && source[pos + 1] === '{') {
      quasis.push(textBetween(source, chunk, pos))
      const expr = readInterpolation(p, pos + 2)
      pos = chunk = lx.end
      exprs.push(expr)
    } else pos++
  }
  quasis.push(textBetween(source, chunk, pos))
  return { quasis, exprs, end: pos + fence.length }
}

/** Part of a text. As in template literals (ECMA-262, TRV), a line ends with `\n` however it does in the file. */
export function textBetween(source: string, start: number, end?: number): string {
  return source.slice(start, end).replaceAll('\r\n', '\n')
}

/** Refuses a text that does not end within an interpolation: the brace of the interpolation is missing. */
function rejectOpenInterpolation(p: Parser): void {
  if (p.interpolation !== -1) p.unclosed(p.interpolation)
}

function readInterpolation(p: Parser, from: number): Node {
  const { openBracket, interpolation, lx } = p
  p.openBracket = p.interpolation = from - 1
  const saved = lx.openBracket()
  const outerSpaced = lx.spaced
  lx.jump(from)
  const body = p.fresh(() => {
    p.skipLayout()
    if (p.is('}')) return { type: 'Str', value: '', start: from, end: from } as const
    return p.body('}')
  })
  p.skipLayout()
  if (!p.is('}')) p.unexpected('expected } at the end of the interpolation')
  lx.closeBracket(saved)
  p.openBracket = openBracket
  p.interpolation = interpolation
  lx.spaced = outerSpaced
  return body
}

/** The string at the current token: quoted or a heredoc, with or without interpolation. */
export function parseString(p: Parser): Text {
  const { lx, source } = p
  const start = lx.start
  const quote = source[start]!
  const long = source.startsWith(quote.repeat(3), start)
  const raw = long && /^\\\r?\n/.test(source.slice(start + 3, start + 6))
  const fence = long ? quote.repeat(3) : quote
  if (raw) return rawHeredoc(p, start, fence)
  const chunks = readChunks(p, start + (long ? 3 : 1), fence, quote === '"' ? '#$' : '', long)
  const texts = long ? heredocMargin(chunks.quasis, source, chunks.end - 3) : chunks.quasis
  lx.jump(chunks.end)
  return textNode(
    texts.map((text) => unescape(p, text, start)),
    chunks.exprs,
    start,
    chunks.end,
  )
}

function rawHeredoc(p: Parser, start: number, fence: string): Text {
  const { lx, source } = p
  const close = source.indexOf(fence, start + 4)
  if (close === -1) lx.fail('this heredoc is never closed', start, start + 4, `End it with ${fence}`)
  // As the opening delimiter is followed by a backslash, the closing one may be preceded by one.
  const textEnd = source[close - 1] === '\\' ? close - 1 : close
  const [text] = heredocMargin([textBetween(source, start + 4, textEnd)], source, textEnd)
  lx.jump(close + 3)
  return { type: 'Str', value: text!, start, end: close + 3 }
}

function textNode(quasis: string[], exprs: Node[], start: number, end: number): Text {
  if (exprs.length === 0) return { type: 'Str', value: quasis[0]!, start, end }
  return { type: 'Template', quasis, exprs, start, end }
}

/**
 * Removes the margin: up to the column of the closing delimiter if it has its own line, else the common indentation.
 */
function heredocMargin(quasis: string[], source: string, closeAt: number): string[] {
  const lineStart = source.lastIndexOf('\n', closeAt - 1) + 1
  const before = source.slice(lineStart, closeAt)
  const last = quasis.length - 1
  const multiline = quasis.some((text) => text.includes('\n'))
  if (!multiline) return quasis
  const alone = before.trim() === ''
  const common = commonIndent(quasis)
  const margin = alone ? Math.min(before.length, common) : common === Infinity ? 0 : common
  const trimmed = quasis.map((text) => text.replace(/\n[ \t]*/g, (lead) => `\n${lead.slice(1 + margin)}`))
  trimmed[0] = trimmed[0]!.replace(/^[ \t]*\n/, '')
  trimmed[last] = trimmed[last]!.replace(/\n[ \t]*$/, '')
  return trimmed
}

/** The least indentation; lines that have none count only if the first one is such a line. */
function commonIndent(quasis: string[]): number {
  let common = Infinity
  for (const [index, text] of quasis.entries()) {
    const lines = text.split('\n').slice(1)
    for (const [row, line] of lines.entries()) {
      const ends = row === lines.length - 1
      if (line.trim() === '' && !(ends && index < quasis.length - 1)) continue
      const indent = /^[ \t]*/.exec(line)![0].length
      if (common === Infinity || (indent > 0 && indent < common)) common = indent
    }
  }
  return common
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  0: '\0',
  '\n': '',
}

function unescape(p: Parser, text: string, at: number): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(u\{([\da-fA-F]+)\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|[\s\S])/g,
    (_all, body: string, long?: string, short?: string, hex?: string) => {
      const digits = long ?? short ?? hex
      if (digits === undefined) {
        if (body === 'u' || body === 'x') p.lx.fail(`malformed \\${body} escape`, at, at + 1)
        return ESCAPES[body] ?? body
      }
      const code = Number.parseInt(digits, 16)
      if (code > 0x10ffff) p.lx.fail('this escape names no character', at, at + 1)
      return String.fromCodePoint(code)
    },
  )
}

/** The text of a tagged template keeps its escapes. */
export function parseTaggedText(p: Parser): NodeOf<'Template'> {
  const { lx, source } = p
  const start = lx.start
  const quote = source[start]!
  const long = source.startsWith(quote.repeat(3), start)
  const fence = long ? quote.repeat(3) : quote
  const chunks = readChunks(p, start + fence.length, fence, quote === '"' ? '#$' : '', long)
  const texts = long ? heredocMargin(chunks.quasis, source, chunks.end - 3) : chunks.quasis
  lx.jump(chunks.end)
  return { type: 'Template', quasis: texts, exprs: chunks.exprs, start, end: chunks.end }
}

/** The regular expression `/…/flags` at the current token. */
export function parseRegex(p: Parser): Node {
  const { lx, source } = p
  const start = lx.start
  if (source.startsWith('///', start)) return parseHeregex(p, start)
  let inClass = false
  for (let pos = start + 1; pos < lx.limit; pos++) {
    const c = source[pos]
    if (c === '\n' || (c === '\\' && source[pos + 1] === '\n')) break
    if (c === '\\') pos++
    else if (c === '[') inClass = true
    else if (c === ']') inClass = false
    else if (c === '/' && !inClass) return finishRegex(p, start, pos)
  }
  return lx.fail('this regular expression is never closed', start, start + 1)
}

function finishRegex(p: Parser, start: number, close: number): Node {
  const flags = /^[a-z]*/.exec(p.source.slice(close + 1, close + 12))![0]
  const pattern = p.source.slice(start + 1, close)
  if (pattern === '') rejectSlashes(p)
  const end = close + 1 + flags.length
  if (/(?<!\\)(?:\\\\)*#\{/.test(pattern)) {
    p.lx.fail(
      'a regular expression between slashes has no interpolation',
      start,
      end,
      'Use ///…/// or RegExp().',
    )
  }
  checkRegex(p, pattern, flags, start, end)
  p.lx.jump(end)
  return { type: 'Regex', pattern, flags, start, end }
}

/** Refuses `//` at the start of an expression: it is floor division in Rip and a comment in other languages. */
function rejectSlashes(p: Parser): never {
  const { lx, source } = p
  const isFirst = source.slice(source.lastIndexOf('\n', lx.start) + 1, lx.start).trim() === ''
  if (isFirst) lx.fail('a comment starts with #', lx.start, lx.end, 'Write `# text`.')
  return p.unexpected('expected a value')
}

/** Refuses a regular expression that the engine would refuse when the module is loaded. */
function checkRegex(p: Parser, pattern: string, flags: string, start: number, end: number): void {
  if (pattern.startsWith('*')) p.lx.fail('a comment starts with #', start, end, 'Write `# text`.')
  try {
    RegExp(pattern, flags)
  } catch (error) {
    const detail = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : ''
    p.lx.fail(`this is not a regular expression: ${detail}`, start, end)
  }
}

function parseHeregex(p: Parser, start: number): Node {
  const chunks = readChunks(p, start + 3, '///', '#', true)
  const flags = /^[a-z]*/.exec(p.source.slice(chunks.end, chunks.end + 12))![0]
  const end = chunks.end + flags.length
  p.lx.jump(end)
  const quasis = stripHeregex(chunks.quasis)
  if (chunks.exprs.length > 0) {
    checkRegex(p, '', flags, start, end)
    const source: Node = { type: 'Template', quasis, exprs: chunks.exprs, start, end }
    return { type: 'DynamicRegex', source, flags, start, end }
  }
  const pattern = (quasis[0]! || '(?:)').replace(
    /(\\.)|\//g,
    (all, escaped?: string) => escaped ?? `\\${all}`,
  )
  checkRegex(p, pattern, flags, start, end)
  return { type: 'Regex', pattern, flags, start, end }
}

/** Keeps a blank after a backslash, and escapes a line break. */
function escaped(c: string): string {
  if (c === '\n') return '\\n'
  return /\s/.test(c) ? c : `\\${c}`
}

/** Removes blanks and comments outside of character classes. */
function stripHeregex(quasis: string[]): string[] {
  let inClass = false
  return quasis.map((text) => {
    let out = ''
    for (let pos = 0; pos < text.length; pos++) {
      const c = text[pos]!
      if (c === '\\') out += escaped(text[++pos] ?? '')
      else if (inClass) {
        if (c === ']') inClass = false
        out += c === '\n' ? '\\n' : c
      } else if (c === '[') {
        inClass = true
        out += c
      } else if (c === '#' && (pos === 0 || /\s/.test(text[pos - 1]!))) {
        const end = text.indexOf('\n', pos)
        pos = end === -1 ? text.length : end
      } else if (!/\s/.test(c)) out += c
    }
    return out
  })
}

const PAIRS: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}', '<': '>' }

/** `%w[a b]`; the current token is `%`. */
export function parseWords(p: Parser): Node {
  const { lx, source } = p
  const start = lx.start
  const open = source[start + 2]!
  const close = PAIRS[open] ?? open
  let depth = 0
  let pos = start + 3
  for (; pos < lx.limit; pos++) {
    const c = source[pos]
    if (c === '\\') pos++
    else if (c === close && depth === 0) break
    else if (c === open) depth++
    else if (c === close) depth--
  }
  if (pos >= lx.limit) lx.fail('this list of words is never closed', start, start + 3, `End it with ${close}`)
  const words = source.slice(start + 3, pos).match(/(?:\\[\s\S]|\S)+/g) ?? []
  const items = words.map((word): Node => {
    return { type: 'Str', value: word.replace(/\\([\s\S])/g, '$1'), start, end: pos + 1 }
  })
  lx.jump(pos + 1)
  return { type: 'Arr', items, start, end: pos + 1 }
}

/** Embedded JavaScript between backticks. */
export function parseRaw(p: Parser): Node {
  const { lx, source } = p
  const start = lx.start
  const fence = source.startsWith('```', start) ? '```' : '`'
  const close = source.indexOf(fence, start + fence.length)
  if (close === -1) lx.fail('this embedded JavaScript is never closed', start, start + fence.length)
  const code = source.slice(start + fence.length, close).trim()
  rejectTemplate(p, code, start, close + fence.length)
  lx.jump(close + fence.length)
  return { type: 'Raw', code, start, end: close + fence.length }
}
