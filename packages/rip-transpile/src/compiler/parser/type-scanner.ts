import { isNamePart, isNameStart } from '../lexer.ts'

/** Keywords that precede another type. */
const PREFIXES: ReadonlySet<string> = new Set([
  'keyof',
  'typeof',
  'readonly',
  'unique',
  'infer',
  'asserts',
  'new',
])

/** Keywords of the surrounding code, which cannot name a type. */
const ENDS: ReadonlySet<string> = new Set(
  (
    'and or is isnt not in of if unless then else for while until when catch finally by as instanceof extends ' +
    'return throw'
  ).split(' '),
)

export interface TypeScanOptions {
  /** Whether `(…) => T` at the start is a function type, and not a type in parentheses before an arrow. */
  readonly functions: boolean
  /** Whether `name is T` is allowed, as in the result of a function. */
  readonly predicates: boolean
}

/** Offset where the type that starts at `from` ends, or -1 if none does. */
export function scanType(source: string, from: number, limit: number, options: TypeScanOptions): number {
  return new TypeScanner(source, limit, options).type(from)
}

/**
 * Reads types only to find their end. Every method takes the offset where its part may start and returns the offset
 * where it ends, or -1.
 */
class TypeScanner {
  private readonly source: string
  private readonly limit: number
  private readonly options: TypeScanOptions

  constructor(source: string, limit: number, options: TypeScanOptions) {
    this.source = source
    this.limit = limit
    this.options = options
  }

  /** A union, or a conditional type: `A extends B ? C : D`. */
  type(from: number): number {
    const end = this.union(from)
    if (end === -1 || this.wordAt(this.blanks(end)) !== 'extends') return end
    const bound = this.union(this.blanks(end) + 'extends'.length)
    if (bound === -1 || this.source[this.lines(bound)] !== '?') return end
    const first = this.type(this.lines(bound) + 1)
    if (first === -1 || this.source[this.lines(first)] !== ':') return end
    const second = this.type(this.lines(first) + 1)
    return second === -1 ? end : second
  }

  private union(from: number): number {
    let at = this.blanks(from)
    if (this.isJoint(at)) at = this.blanks(at + 1)
    let end = this.operand(at)
    while (end !== -1) {
      const joint = this.blanks(end)
      if (!this.isJoint(joint)) return end
      const next = this.operand(this.lines(joint + 1))
      if (next === -1) return end
      end = next
    }
    return -1
  }

  /** Whether `|` or `&` is at an offset, and not `||` or `&=`. */
  private isJoint(at: number): boolean {
    const c = this.source[at]
    const next = this.source[at + 1]
    return (c === '|' || c === '&') && next !== c && next !== '='
  }

  private operand(from: number): number {
    const at = this.blanks(from)
    const word = this.wordAt(at)
    const behind = at + word.length
    if (word === 'abstract' && this.wordAt(this.blanks(behind)) === 'new')
      return this.operand(this.blanks(behind))
    if (PREFIXES.has(word)) {
      const end = this.operand(behind)
      if (end !== -1) return end
    }
    if (this.options.predicates && word !== '' && this.wordAt(this.blanks(behind)) === 'is')
      return this.type(this.blanks(behind) + 'is'.length)
    return this.suffixes(this.primary(at, word))
  }

  private suffixes(from: number): number {
    let end = from
    while (end !== -1) {
      const c = this.source[end]
      if (c === '[' || c === '<') {
        const close = this.balanced(end)
        if (close === -1) return end
        end = close
      } else if (c === '.' && isNameStart(this.source.charCodeAt(end + 1))) {
        end += 1 + this.wordAt(end + 1).length
      } else return end
    }
    return -1
  }

  private primary(at: number, word: string): number {
    const c = this.source[at]
    if (word !== '') {
      if (ENDS.has(word)) return -1
      const end = at + word.length
      return word === 'import' && this.source[end] === '(' ? this.balanced(end) : end
    }
    switch (c) {
      case '(':
      case '<':
        return this.functionOrGroup(at)
      case '{':
      case '[':
        return this.balanced(at)
      case '"':
      case "'":
      case '`':
        return this.text(at)
      default:
        return this.number(at)
    }
  }

  private functionOrGroup(at: number): number {
    const open = this.source[at] === '<' ? this.blanks(this.balanced(at)) : at
    const end = this.source[open] === '(' ? this.balanced(open) : -1
    if (end === -1) return -1
    const arrow = this.blanks(end)
    if (!this.options.functions || !this.source.startsWith('=>', arrow)) return open === at ? end : -1
    const result = new TypeScanner(this.source, this.limit, { functions: true, predicates: true }).type(
      arrow + 2,
    )
    return result === -1 && open === at ? end : result
  }

  private number(at: number): number {
    NUMBER.lastIndex = at
    const text = NUMBER.exec(this.source)?.[0]
    return text === undefined ? -1 : at + text.length
  }

  /** Offset after a text in quotes or backticks. */
  private text(at: number): number {
    const quote = this.source[at]
    for (let pos = at + 1; pos < this.limit; pos++) {
      const c = this.source[pos]
      if (c === '\\') pos++
      else if (c === quote) return pos + 1
      else if (c === '\n' && quote !== '`') return -1
    }
    return -1
  }

  /** Offset after the bracket that closes the one at an offset. */
  private balanced(open: number): number {
    let depth = 0
    for (let pos = open; pos < this.limit; pos++) {
      const c = this.source[pos]!
      if (c === '"' || c === "'" || c === '`') {
        const end = this.text(pos)
        if (end === -1) return -1
        pos = end - 1
      } else if (c === '=' && this.source[pos + 1] === '>') pos++
      else if ('([{<'.includes(c)) depth++
      else if (')]}>'.includes(c) && --depth === 0) return pos + 1
      else if (depth < 1) return -1
      else if (c === '\n' && this.source[open] === '<') return -1
    }
    return -1
  }

  private wordAt(at: number): string {
    if (!isNameStart(this.source.charCodeAt(at))) return ''
    let end = at + 1
    while (isNamePart(this.source.charCodeAt(end))) end++
    return this.source.slice(at, Math.min(end, this.limit))
  }

  private blanks(from: number): number {
    let at = from
    while (this.source[at] === ' ' || this.source[at] === '\t') at++
    return at
  }

  /** Offset after blanks and line breaks: a type continues after its operators. */
  private lines(from: number): number {
    let at = from
    while (/\s/.test(this.source[at] ?? 'x')) at++
    return at
  }
}

const NUMBER = /-?(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)n?/y
