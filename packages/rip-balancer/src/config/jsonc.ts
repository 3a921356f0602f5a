/** Where something stands in a text, both from 1 on. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** What a text of JSON with comments and trailing commas says, and where. */
export interface LocatedJson {
  readonly value: unknown
  /** Of a path such as `to[0].weight`: where its name stands, or its value; of what is missing, of the object it is missing in. */
  locate(path: string, part: 'name' | 'value'): Position
}

/** A text is not JSON. */
export class JsoncError extends Error {
  override readonly name = 'JsoncError'
  readonly position: Position

  constructor(message: string, position: Position) {
    super(message)
    this.position = position
  }
}

/** @throws JsoncError for the first thing that is not JSON, and for a name that is given twice */
export function parseJsonc(text: string): LocatedJson {
  return new JsoncParser(text).parse()
}

/** Deeper values are no configuration, and would exhaust the stack. */
const MAX_DEPTH = 100

const BLANK = new Set([' ', '\t', '\n', '\r', '\uFEFF'])
const WORD = /[-+.\w$]+/y
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/
const LITERALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
])

class JsoncParser {
  private readonly text: string
  private readonly places = new Map<string, { readonly name: number; readonly value: number }>()
  private at = 0
  private depth = 0

  constructor(text: string) {
    this.text = text
  }

  parse(): LocatedJson {
    this.skipBlank()
    const start = this.at
    this.places.set('', { name: start, value: start })
    const value = this.value('')
    this.skipBlank()
    if (this.at < this.text.length) throw this.unexpected('the end')
    return { value, locate: (path, part) => this.positionAt(this.offsetOf(path, part)) }
  }

  private value(path: string): unknown {
    const char = this.text[this.at]
    if (char === '{') return this.nested(() => this.object(path))
    if (char === '[') return this.nested(() => this.array(path))
    if (char === '"') return this.string()
    return this.word()
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) throw this.error('this is nested too deeply', this.at)
    const value = read()
    this.depth--
    return value
  }

  private object(path: string): Record<string, unknown> {
    const entries = new Map<string, unknown>()
    this.at++
    while (!this.ends('}', 'a name in double quotes, or "}"')) {
      const nameAt = this.at
      if (this.text[this.at] !== '"') throw this.unexpected('a name in double quotes, or "}"')
      const name = this.string()
      const memberPath = path === '' ? name : `${path}.${name}`
      if (entries.has(name)) throw this.twice(memberPath, nameAt)
      this.skipBlank()
      this.expect(':')
      this.skipBlank()
      this.places.set(memberPath, { name: nameAt, value: this.at })
      entries.set(name, this.value(memberPath))
      this.separate('}')
    }
    return Object.fromEntries(entries)
  }

  private array(path: string): unknown[] {
    const values: unknown[] = []
    this.at++
    while (!this.ends(']', 'a value, or "]"')) {
      const elementPath = `${path}[${values.length}]`
      this.places.set(elementPath, { name: this.at, value: this.at })
      values.push(this.value(elementPath))
      this.separate(']')
    }
    return values
  }

  private string(): string {
    const start = this.at
    for (this.at++; ; this.at++) {
      const char = this.text[this.at]
      if (char === undefined || char === '\n') throw this.error('this text does not end on its line', start)
      if (char === '\\') this.at++
      else if (char === '"') break
    }
    const literal = this.text.slice(start, ++this.at)
    try {
      return JSON.parse(literal) as string
    } catch {
      // SyntaxError: its end is sound, so that only what is between the quotes can be wrong.
      throw this.error(`${literal} has a control character or an unknown escape in it`, start)
    }
  }

  private word(): unknown {
    WORD.lastIndex = this.at
    const word = WORD.exec(this.text)?.[0] ?? ''
    if (LITERALS.has(word)) {
      this.at += word.length
      return LITERALS.get(word)
    }
    if (!NUMBER.test(word)) throw this.unexpected('a value', word)
    this.at += word.length
    return Number(word)
  }

  /** Whether a list or an object ends here; its end is taken. */
  private ends(close: string, expected: string): boolean {
    this.skipBlank()
    if (this.at >= this.text.length) throw this.unexpected(expected)
    if (this.text[this.at] !== close) return false
    this.at++
    return true
  }

  /** A comma, or nothing in front of the end. */
  private separate(close: string): void {
    this.skipBlank()
    if (this.text[this.at] === ',') this.at++
    else if (this.text[this.at] !== close) throw this.unexpected(`"," or "${close}"`)
  }

  private expect(char: string): void {
    if (this.text[this.at] !== char) throw this.unexpected(`"${char}"`)
    this.at++
  }

  private skipBlank(): void {
    for (;;) {
      while (BLANK.has(this.text[this.at] ?? '')) this.at++
      if (this.text.startsWith('//', this.at)) this.skipTo('\n')
      else if (this.text.startsWith('/*', this.at)) this.skipComment()
      else return
    }
  }

  private skipTo(end: string): void {
    const at = this.text.indexOf(end, this.at)
    this.at = at === -1 ? this.text.length : at
  }

  private skipComment(): void {
    const start = this.at
    this.at += 2
    this.skipTo('*/')
    if (this.at === this.text.length) throw this.error('this comment does not end', start)
    this.at += 2
  }

  /** What is missing is looked for in what should have it. */
  private offsetOf(path: string, part: 'name' | 'value'): number {
    const place = this.places.get(path)
    if (place !== undefined) return place[part]
    const parent = path.replace(/(?:^|\.)[^.[]*$|\[\d+\]$/, '')
    return this.offsetOf(parent === path ? '' : parent, 'value')
  }

  private positionAt(offset: number): Position {
    const before = this.text
      .slice(0, offset)
      .replace(/^\uFEFF/, '')
      .split('\n')
    return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
  }

  private twice(path: string, at: number): JsoncError {
    const { line } = this.positionAt(this.places.get(path)!.name)
    return this.error(`${path} is given twice, first in line ${line}`, at)
  }

  private unexpected(expected: string, word = this.text.slice(this.at, this.at + 1)): JsoncError {
    const got =
      this.at >= this.text.length ? 'the end of the file' : JSON.stringify(word || this.text[this.at])
    return this.error(`expected ${expected}, got ${got}`, this.at)
  }

  private error(message: string, offset: number): JsoncError {
    return new JsoncError(message, this.positionAt(offset))
  }
}
