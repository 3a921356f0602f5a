const CLOSER: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

/** Offset after the string that starts at `at`; its interpolations may contain strings in turn. */
export function skipString(source: string, at: number): number {
  const quote = source[at]!
  const long = source.startsWith(quote.repeat(3), at)
  const fence = long ? quote.repeat(3) : quote
  let pos = at + fence.length
  while (pos < source.length) {
    if (source[pos] === '\\') pos += 2
    else if (source.startsWith(fence, pos)) return pos + fence.length
    else if (quote === '"' && (source[pos] === '#' || source[pos] === '$') && source[pos + 1] === '{') {
      pos = skipBraces(source, pos + 2)
    } else if (!long && source[pos] === '\n') return pos
    else pos++
  }
  return pos
}

function skipBraces(source: string, from: number): number {
  let depth = 1
  let pos = from
  while (pos < source.length && depth > 0) {
    const c = source[pos]!
    if (c === '"' || c === "'") {
      pos = skipString(source, pos)
      continue
    }
    if (c === '{') depth++
    else if (c === '}') depth--
    else if (c === '\\') pos++
    pos++
  }
  return pos
}

/** Blank lines and comments below a line, then the indentation of the next code. */
const LINE_BELOW = /^(?:[ \t]*(?:###(?!#)[\s\S]*?###[ \t]*|#[^\n]*)?\r?\n)+([ \t]*)(?=\S)/

/** The text of a line that continues on the next line. */
const UNFINISHED = /[-+*/%=<>&|^,?:.([{]$|\b(?:and|or|is|isnt|in|of|not)$/

/** Finds matching brackets, and remembers the pairs it has found. */
export class Brackets {
  private readonly source: string
  private readonly pairs = new Map<number, number>()
  /** A range of a line, without brackets, that is known not to contain the word. */
  private without = { word: '', from: 0, to: 0 }

  constructor(source: string) {
    this.source = source
  }

  /** Offset of the bracket that closes the one at `open`, or -1. */
  closeOf(open: number): number {
    const known = this.pairs.get(open)
    if (known !== undefined) return known
    const { source } = this
    const stack: number[] = []
    for (let pos = open; pos < source.length; pos++) {
      const c = source[pos]!
      if (c === '"' || c === "'") pos = skipString(source, pos) - 1
      else if (c === '#') pos = this.comment(pos)
      else if (c === '/' && this.isRegex(pos)) pos = this.regex(pos)
      else if (c === '(' || c === '[' || c === '{') stack.push(pos)
      else if (c === ')' || c === ']' || c === '}') {
        const start = stack.pop()
        if (start === undefined || CLOSER[source[start]!] !== c) break
        this.pairs.set(start, pos)
        if (stack.length === 0) return pos
      }
    }
    for (const start of stack) this.pairs.set(start, -1)
    this.pairs.set(open, -1)
    return -1
  }

  /** Whether the line contains that word later on, outside brackets and strings. */
  wordOnLine(word: string, from: number): boolean {
    const { without } = this
    if (without.word === word && from > without.from && from < without.to) return false
    return this.findWord(word, from)
  }

  private findWord(word: string, from: number): boolean {
    const { source } = this
    let isFlat = true
    let pos = from
    for (; pos < source.length && source[pos] !== '\n'; pos++) {
      const c = source[pos]!
      if (c === '#' || c === ')' || c === ']' || c === '}') return false
      if (c === '"' || c === "'") {
        isFlat = false
        pos = skipString(source, pos) - 1
      } else if (c === '/' && this.isRegex(pos)) pos = this.regex(pos)
      else if (c === '(' || c === '[' || c === '{') {
        isFlat = false
        pos = this.closeOf(pos)
      } else if (c === word[0] && this.isWordAt(word, pos)) return true
      if (pos < from) return false
    }
    if (isFlat) this.without = { word, from, to: pos }
    return false
  }

  /** Whether the statement at an offset ends with its line and a block follows. */
  blockBelow(from: number): boolean {
    const below = this.lineBelow(from)
    return below !== undefined && below.deeper > 0 && !'.,?'.includes(this.source[below.at]!)
  }

  /** Offset of the next line's code, if the statement at an offset ends with its line and that one is next to it; or -1. */
  siblingBelow(from: number): number {
    const below = this.lineBelow(from)
    return below?.deeper === 0 ? below.at : -1
  }

  /** The line below a statement that ends with its own line: offset of its code, and how much deeper it is. */
  private lineBelow(from: number): { readonly at: number; readonly deeper: number } | undefined {
    const { source } = this
    const newline = source.indexOf('\n', from)
    if (newline === -1) return undefined
    const lineStart = source.lastIndexOf('\n', from) + 1
    const indent = /^[ \t]*/.exec(source.slice(lineStart, from))![0].length
    const below = LINE_BELOW.exec(source.slice(newline, newline + 2000))
    const end = below ? this.codeEnd(from, newline) : -1
    if (!below || end === -1 || UNFINISHED.test(source.slice(Math.max(from, end - 12), end))) return undefined
    return { at: newline + below[0].length, deeper: below[1]!.length - indent }
  }

  /** Offset after the last code before a line break, or -1 if a bracket opens or closes there. */
  private codeEnd(from: number, newline: number): number {
    const { source } = this
    let end = from
    for (let pos = from; pos < newline; pos++) {
      const c = source[pos]!
      if (c === '#') return end
      if (c === ')' || c === ']' || c === '}') return -1
      if (c === '"' || c === "'") pos = skipString(source, pos) - 1
      else if (source.startsWith('///', pos)) pos = this.heregex(pos)
      else if (c === '/' && this.isRegex(pos)) pos = this.regex(pos)
      else if (c === '(' || c === '[' || c === '{') pos = this.closeOf(pos)
      if (pos < from || pos > newline) return -1
      if (!/\s/.test(c)) end = pos + 1
    }
    return end
  }

  private isWordAt(word: string, at: number): boolean {
    return (
      this.source.startsWith(word, at) &&
      /[^\w$.:]/.test(this.source[at - 1] ?? ' ') &&
      /[^\w$:]/.test(this.source[at + word.length] ?? ' ')
    )
  }

  private comment(at: number): number {
    const end = this.source.indexOf('\n', at)
    return end === -1 ? this.source.length : end
  }

  private isRegex(at: number): boolean {
    const { source } = this
    if (source[at + 1] === ' ' || source[at + 1] === '/' || source[at + 1] === '=') return false
    let before = at - 1
    while (source[before] === ' ') before--
    const c = source[before] ?? '\n'
    return '([{,=:!&|?;>~\n'.includes(c) || (before < at - 1 && /[\w$]/.test(c))
  }

  /** Whether a pattern that starts at an offset ends on its line; else the slash divides. */
  closesRegex(at: number): boolean {
    return this.regex(at) !== at
  }

  private heregex(at: number): number {
    const close = this.source.indexOf('///', at + 3)
    return close === -1 ? this.source.length : close + 2
  }

  private regex(at: number): number {
    const { source } = this
    let inClass = false
    for (let pos = at + 1; pos < source.length; pos++) {
      const c = source[pos]
      if (c === '\\') pos++
      else if (c === '\n') return at
      else if (c === '[') inClass = true
      else if (c === ']') inClass = false
      else if (c === '/' && !inClass) return pos
    }
    return at
  }
}
