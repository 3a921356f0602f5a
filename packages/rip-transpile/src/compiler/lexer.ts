import { CompileError } from '../compile-error.ts'

/** Words that cannot name a variable. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    'and or not is isnt if unless else then when switch for while until loop break continue return throw try catch ' +
    'finally class extends super new delete typeof instanceof in of do yield await def true false null undefined ' +
    'this yes no on off import export enum debugger default function var let const void with case by own as'
  ).split(' '),
)

/** Reserved words that are allowed as names except where a clause of a loop or an import may follow. */
const SOFT: ReadonlySet<string> = new Set(['by', 'own', 'as', 'loop', 'default', 'def', 'enum', 'void'])

/** Whether a word cannot name a variable. */
export function isReserved(word: string): boolean {
  return RESERVED.has(word) && !SOFT.has(word)
}

const PUNCTUATION: readonly string[] = [
  '>>>=',
  '...',
  '**=',
  '//=',
  '%%=',
  '<<=',
  '>>=',
  '>>>',
  '||=',
  '&&=',
  '??=',
  '===',
  '!==',
  '->',
  '=>',
  '~>',
  '..',
  '::',
  '?.',
  '??',
  '?=',
  '?!',
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '++',
  '--',
  '**',
  '//',
  '%%',
  '<<',
  '>>',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '&=',
  '|=',
  '^=',
  '=!',
  '=~',
  ':=',
  '~=',
  '.=',
  '*>',
  '!?',
]

const BY_FIRST: Record<string, string[]> = {}
for (const text of PUNCTUATION) (BY_FIRST[text[0]!] ??= []).push(text)

/** Tokens after which an expression continues on the next line. */
const CONTINUES: ReadonlySet<string> = new Set(
  (
    '+ - * / % ** // %% & | ^ << >> >>> && || ?? and or is isnt == != === !== < > <= >= in of instanceof =~ , ' +
    'not typeof new delete extends . ?. ::'
  ).split(' '),
)

export interface LexerState {
  pos: number
  kind: string
  start: number
  end: number
  value: string
  spaced: boolean
  stack: number[]
  floor: number
  pending: number
  atNewline: boolean
  lastEnd: number
  indentation: string
}

/**
 * Reads tokens one at a time, when the parser asks for them; the parser reads strings and regular expressions itself.
 */
export class Lexer {
  readonly source: string
  readonly filename: string
  /** End of the text to read: the program ends at a `__DATA__` line. */
  readonly limit: number
  pos = 0
  /** The token's text for punctuation and reserved words, else `id`, `num`, `NEWLINE`, `INDENT`, `DEDENT` or `EOF`. */
  kind = 'NEWLINE'
  start = 0
  end = 0
  value = ''
  /** Whether blank space precedes the token. */
  spaced = false
  /** End of the previous token. */
  lastEnd = 0
  stack: number[] = [0]
  floor = 0
  pending = 0
  atNewline = false
  /** Whether the token is a `.`, `?.` or `,` at the start of its line. */
  leading = false
  readonly names: Set<string> = new Set()
  private readonly mixesTabs: boolean
  /** The indentation of the current line, where it matters. */
  indentation = ''

  constructor(source: string, filename: string, limit: number) {
    this.source = source
    this.filename = filename
    this.limit = limit
    this.mixesTabs = source.includes('\n\t') && source.includes('\n ')
    if (source.charCodeAt(0) === 0xfeff) this.pos = 1
    if (source.startsWith('#!')) this.pos = this.endOfLine(0)
    const first = this.skipLines(this.pos, true)
    this.pos = first.pos
    this.stack = [first.indent]
    this.next()
  }

  fail(
    reason: string,
    start: number = this.start,
    end: number = Math.max(this.end, start + 1),
    hint?: string,
  ): never {
    const detail = { reason, filename: this.filename, source: this.source, start, end }
    throw new CompileError(hint === undefined ? detail : { ...detail, hint })
  }

  save(): LexerState {
    const { pos, kind, start, end, value, spaced, floor, pending, atNewline, lastEnd, indentation } = this
    return {
      pos,
      kind,
      start,
      end,
      value,
      spaced,
      stack: [...this.stack],
      floor,
      pending,
      atNewline,
      lastEnd,
      indentation,
    }
  }

  restore(state: LexerState): void {
    Object.assign(this, state)
    this.stack = [...state.stack]
  }

  /** Treats the current reserved word as a name, for example after a `.` or as a key. */
  readAsName(): void {
    this.kind = 'id'
  }

  /** Continues after text that the parser has read itself. */
  jump(pos: number): void {
    this.pos = pos
    this.end = pos
    this.kind = 'id'
    this.next()
  }

  endOfLine(from: number): number {
    const at = this.source.indexOf('\n', from)
    return at === -1 || at > this.limit ? this.limit : at
  }

  /** Skips blank lines and comments from the start of a line; returns the offset of the next code. */
  private skipLines(from: number, atStart: boolean): { pos: number; indent: number } {
    const { source, limit } = this
    let pos = from
    let lineStart = atStart ? from : this.endOfLine(from) + 1
    pos = lineStart
    while (pos < limit) {
      const c = source.charCodeAt(pos)
      if (c === 32 || c === 9 || c === 13) pos++
      else if (c === 10) lineStart = ++pos
      else if (c === 35) pos = this.skipComment(pos)
      else if (c === 59 && source.slice(lineStart, pos).trim() === '') pos++
      else break
    }
    return { pos: Math.min(pos, limit), indent: pos - lineStart }
  }

  private skipComment(at: number): number {
    if (this.source.startsWith('###', at) && this.source[at + 3] !== '#') {
      const close = this.source.indexOf('###', at + 3)
      if (close === -1) this.fail('this block comment is never closed', at, at + 3, 'End it with ###.')
      return close + 3
    }
    return this.endOfLine(at)
  }

  /** Advances to the next token. */
  next(): void {
    this.lastEnd = this.end
    this.spaced = false
    if (this.kind !== 'DEDENT') this.leading = false
    if (this.pending > 0) {
      this.pending--
      this.layout('DEDENT')
      return
    }
    if (this.atNewline) {
      this.atNewline = false
      this.layout('NEWLINE')
      return
    }
    const { source, limit } = this
    for (;;) {
      const c = source.charCodeAt(this.pos)
      if (this.pos >= limit) break
      if (c === 32 || c === 9 || c === 13) {
        this.pos++
        this.spaced = true
      } else if (c === 35) this.pos = this.skipComment(this.pos)
      else if (c === 10) {
        if (this.newline()) return
        this.spaced = true
      } else if (c === 92) {
        this.fail(
          'a line is not continued with a backslash',
          this.pos,
          this.pos + 1,
          'End the line with an operator or a comma instead.',
        )
      } else {
        this.token(c)
        return
      }
    }
    this.start = this.end = limit
    if (this.stack.length > this.floor + 1) {
      this.stack.pop()
      this.layout('DEDENT')
      return
    }
    this.layout('EOF')
  }

  private layout(kind: string): void {
    this.kind = kind
    this.value = ''
    this.start = this.end = this.pos
    this.spaced = true
  }

  /** At a line break: returns whether it makes a token. */
  private newline(): boolean {
    const { pos, indent } = this.skipLines(this.pos, false)
    const { source } = this
    this.pos = pos
    if (pos >= this.limit) return false
    if (this.mixesTabs && this.floor === 0) this.checkIndentation(pos, indent)
    const c = source.charCodeAt(pos)
    // `..` and `.5` start an expression; another `.` continues the line before.
    const dotted = c === 46 && !/[.\d]/.test(source[pos + 1] ?? '')
    const guarded = c === 63 && CONTINUES_CHOICE.test(source.slice(pos, pos + 2))
    const top = this.stack[this.stack.length - 1]!
    if (indent > top) {
      if (dotted || guarded || c === 44) return this.lead()
      if (this.kind !== ',' && CONTINUES.has(this.kind)) return false
      this.stack.push(indent)
      this.layout('INDENT')
      return true
    }
    const closes = this.dedent(indent)
    const continues = dotted || guarded || c === 44
    if (closes > 0) {
      this.pending = closes - 1
      this.atNewline = !continues && c !== 41 && c !== 93 && c !== 125
      this.leading = continues
      this.layout('DEDENT')
      return true
    }
    if (continues) return this.lead()
    if (CONTINUES.has(this.kind)) return false
    this.layout('NEWLINE')
    return true
  }

  /** Refuses lines whose indentation mixes tabs and spaces differently, because their depths cannot be compared. */
  private checkIndentation(pos: number, indent: number): void {
    const text = this.source.slice(pos - indent, pos)
    const { indentation } = this
    this.indentation = text
    if (text.startsWith(indentation) || indentation.startsWith(text) || text.trim() !== '') return
    this.fail('tabs and spaces are mixed', pos - indent, pos, 'Indent like the line above, with one of them.')
  }

  private lead(): false {
    this.leading = true
    return false
  }

  private dedent(indent: number): number {
    let count = 0
    while (this.stack.length > this.floor + 1 && this.stack[this.stack.length - 1]! > indent) {
      this.stack.pop()
      count++
    }
    return count
  }

  private token(c: number): void {
    const { source } = this
    this.start = this.pos
    if (isNameStart(c)) return this.name()
    if (c >= 48 && c <= 57) return this.number()
    const text = source[this.pos]!
    const candidates = BY_FIRST[text]
    if (candidates) {
      for (const candidate of candidates) {
        if (source.startsWith(candidate, this.pos)) return this.punctuation(candidate)
      }
    }
    this.punctuation(text)
  }

  private punctuation(text: string): void {
    this.kind = this.value = text
    this.pos = this.end = this.start + text.length
  }

  private name(): void {
    const { source } = this
    let pos = this.pos
    let bits = 0
    for (let c = source.charCodeAt(pos); isNamePart(c); c = source.charCodeAt(++pos)) bits |= c
    this.value = source.slice(this.pos, pos)
    if (bits > 0x7f) this.checkLetters()
    const isWordAssign = this.value === 'or' || this.value === 'and'
    if (isWordAssign && source[pos] === '=' && source[pos + 1] !== '=') {
      this.kind = this.value = this.value === 'or' ? '||=' : '&&='
      this.pos = this.end = pos + 1
      return
    }
    this.pos = this.end = pos
    this.kind = isReserved(this.value) ? this.value : 'id'
    if (this.kind === 'id') this.names.add(this.value)
  }

  /** Names may contain the non-ASCII letters that JavaScript allows. */
  private checkLetters(): void {
    let at = this.pos
    for (const letter of this.value) {
      if (!(at === this.pos ? LETTER : PART).test(letter))
        this.fail(`'${letter}' cannot stand in a name`, at, at + letter.length, TYPOGRAPHIC[letter])
      at += letter.length
    }
  }

  private number(): void {
    NUMBER.lastIndex = this.pos
    const match = NUMBER.exec(this.source)
    this.kind = 'num'
    this.value = match![0]
    this.pos = this.end = this.start + this.value.length
    if (isNamePart(this.source.charCodeAt(this.pos))) {
      this.fail('this is not a number', this.start, this.pos + 1)
    }
    if (MISPLACED_UNDERSCORE.test(this.value))
      this.fail('in a number, _ stands between two digits', this.start, this.end)
    if (LEADING_ZERO.test(this.value))
      this.fail('a number does not start with 0', this.start, this.end, 'Write 0o for octal.')
  }

  /** Enters a bracket: a DEDENT inside it cannot end a block outside. Returns the state for {@link closeBracket}. */
  openBracket(): { floor: number; depth: number; pending: number; atNewline: boolean } {
    const saved = {
      floor: this.floor,
      depth: this.stack.length,
      pending: this.pending,
      atNewline: this.atNewline,
    }
    this.floor = this.stack.length - 1
    return saved
  }

  closeBracket(saved: { floor: number; depth: number }): void {
    this.floor = saved.floor
    this.stack.length = saved.depth
    this.pending = 0
    this.atNewline = false
  }

  /** Turns the current INDENT into a plain continuation of the line. */
  dropIndent(): void {
    if (this.stack.length > this.floor + 1) this.stack.pop()
    this.next()
  }

  /** Turns the last INDENTs, as many as given, into plain continuations of their lines. */
  forgetIndents(count: number): void {
    this.stack.length = Math.max(this.stack.length - count, this.floor + 1)
  }

  /** Offset of the next code after an offset: skips blanks, line breaks and comments. */
  codeAhead(from: number = this.pos): number {
    const { source } = this
    let pos = from
    for (;;) {
      while (/\s/.test(source[pos] ?? 'x')) pos++
      if (source[pos] !== '#') return pos
      pos = this.skipComment(pos)
    }
  }

  /** The first character of the next code, or nothing at the end. */
  charAhead(): string {
    const at = this.codeAhead()
    return at < this.limit ? this.source[at]! : ''
  }

  /** Whether only blanks and a comment follow on the line. */
  lineEndsAhead(): boolean {
    return this.source.slice(this.pos, this.codeAhead()).includes('\n')
  }

  /** Whether the next code is on a line that ends the innermost block. */
  blockEndsAhead(): boolean {
    const at = this.codeAhead()
    const lineStart = this.source.lastIndexOf('\n', at - 1) + 1
    if (lineStart <= this.pos) return at >= this.limit
    const outer = this.stack[this.stack.length - 2] ?? -1
    return at >= this.limit || at - lineStart <= outer
  }

  /** The first character after the current layout token. */
  wordAhead(): string {
    WORD.lastIndex = this.kind === 'NEWLINE' ? this.pos : this.start
    return WORD.exec(this.source)?.[0] ?? ''
  }
}

const NUMBER =
  /0[xX][\da-fA-F_]+n?|0[bB][01_]+n?|0[oO][0-7_]+n?|\d[\d_]*(?:n|(?:\.(?=\d)[\d_]+)?(?:[eE][+-]?\d+)?)/y
/** Typographic characters that word processors insert in place of plain ones. */
const TYPOGRAPHIC: Readonly<Record<string, string>> = {
  '“': 'Write ".',
  '”': 'Write ".',
  '‘': "Write '.",
  '’': "Write '.",
  '–': 'Write -.',
  '—': 'Write -.',
  '…': 'Write three dots.',
  '×': 'Write *.',
  '≠': 'Write !=.',
  '≤': 'Write <=.',
  '≥': 'Write >=.',
}
const LETTER = /[\p{ID_Start}$_]/u
const PART = /[\p{ID_Continue}$\u200c\u200d]/u
/** In a number, `_` must be between two digits. */
const MISPLACED_UNDERSCORE = /__|_(?![\da-fA-F])|[xXbBoO.eE+-]_/
const LEADING_ZERO = /^0[\d_]/
const WORD = /[A-Za-z_$][\w$]*/y

/** `?.`, or the `?` of a ternary. */
const CONTINUES_CHOICE = /^\?[.\s]/

export function isNameStart(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95 || c === 36 || c > 0x7f
}

export function isNamePart(c: number): boolean {
  return isNameStart(c) || (c >= 48 && c <= 57)
}
