import { Lexer } from '../../packages/rip-transpile/src/compiler/lexer.ts'
import { compile } from '../../packages/rip-transpile/src/compiler/index.ts'

/** What the compiler took a stretch of the source for. */
export interface Consumed {
  /** `id`, `num`, a reserved word, punctuation, or `raw` for what the parser read by itself, such as texts and types. */
  readonly kind: string
  readonly start: number
  readonly end: number
}

/** How the compiler read a program, token by token, as it decided in the end. */
export function consumedTokens(source: string): Consumed[] {
  const found = new Map<number, Consumed>()
  const { next, jump } = Object.getOwnPropertyDescriptors(Lexer.prototype)
  // The parser may change its mind about the token at hand before it passes it: a word behind a dot is a name.
  Lexer.prototype.next = function (this: Lexer): void {
    const { kind, start, value } = this
    // `or=` is spelled otherwise than its token.
    const end = source.startsWith(value, start) ? start + value.length : this.end
    if (value !== '' && end > start) found.set(start, { kind, start, end })
    next.value!.call(this)
  }
  Lexer.prototype.jump = function (this: Lexer, pos: number): void {
    found.set(this.start, { kind: 'raw', start: this.start, end: pos })
    this.value = ''
    jump.value!.call(this, pos)
  }
  try {
    compile(source)
  } finally {
    Object.defineProperties(Lexer.prototype, { next, jump })
  }
  return [...found.values()].toSorted((a, b) => a.start - b.start)
}
