import { Lexer } from '../../packages/rip-transpile/src/compiler/lexer.ts'
import { compile } from '../../packages/rip-transpile/src/compiler/index.ts'

/** A range of the source with the kind of token that the compiler read there. */
export interface Consumed {
  /**
   * `id`, `num`, a reserved word, punctuation, or `raw` for text that the parser read itself, such as strings and
   * types.
   */
  readonly kind: string
  readonly start: number
  readonly end: number
}

/** The tokens of a program as the compiler finally read them. */
export function consumedTokens(source: string): Consumed[] {
  const found = new Map<number, Consumed>()
  const { next, jump } = Object.getOwnPropertyDescriptors(Lexer.prototype)
  // The parser may change the kind of the current token before it consumes it: a word after a dot becomes a name.
  Lexer.prototype.next = function (this: Lexer): void {
    const { kind, start, value } = this
    // The token of `or=` has another text than the source.
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
