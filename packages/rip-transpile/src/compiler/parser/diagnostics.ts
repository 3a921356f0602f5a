import type { Node } from '../ast.ts'
import { isReserved } from '../lexer.ts'
import type { Parser } from './parser.ts'

/** A `?` without its `:`. */
export function isNewOperatorHint(p: Parser, question: number): never {
  p.lx.fail(
    "this '?' has no ':'",
    question,
    question + 1,
    "For a fallback write 'x ?? y'; for a choice write 'c ? a : b'.",
  )
}

const NOT_ASSIGNABLE: Readonly<Partial<Record<Node['type'], string>>> = {
  Call: 'the result of a call cannot be assigned',
  Slice: 'a slice cannot be assigned',
  Str: 'a string cannot be assigned',
  Num: 'a number cannot be assigned',
  Keyword: 'this word has a fixed meaning and cannot be assigned',
}

/** Refuses a target that cannot be written, with its own reason. */
export function isReservedTarget(p: Parser, target: Node): never {
  const hint = target.type === 'Slice' ? 'Use splice().' : undefined
  p.lx.fail(NOT_ASSIGNABLE[target.type] ?? 'this cannot be assigned', target.start, target.end, hint)
}

const FOREIGN: Readonly<Record<string, [string, string]>> = {
  function: ["'function' does not exist here", 'Write `def name(a, b)` or `name = (a, b) ->`.'],
  var: ['variables are not declared', 'Write `name = value`.'],
  let: ['variables are not declared', 'Write `name = value`.'],
  const: ['constants are written with =!', 'Write `NAME =! value`.'],
  case: ["a switch has 'when' and not 'case'", 'Write `when value`.'],
  void: ["'void' does not exist here", 'Write `undefined`.'],
  else: ["this 'else' has no 'if'", 'Check the indentation of the lines above.'],
  catch: ["this 'catch' has no 'try'", 'Check the indentation of the lines above.'],
  finally: ["this 'finally' has no 'try'", 'Check the indentation of the lines above.'],
  when: ["this 'when' has no 'switch'", 'Check the indentation of the lines above.'],
  '=': ['this cannot be assigned here', 'Compare with ==.'],
  '{': ['a block is indented and has no braces', 'Remove the braces and indent the lines.'],
}

const THEN: [string, string] = [
  "'then' belongs to an if, a loop or a when",
  'Remove it, or put its condition in front.',
]

function foreignWord(kind: string): [string, string] | undefined {
  return kind === 'then' ? THEN : FOREIGN[kind]
}

/** Operators that cannot start an expression. */
const LEADING_OPERATOR = /^(?:\+ |- |\*|%|&|\||\^|<|>|==|!=|\?\? |(?:and|or|is|isnt|in|of)\b)/

/** Words of other languages for `else if` and `for`, which Rip parses as calls. */
const FOREIGN_HEAD = /^[ \t]*(elsif|elif|elseif|foreach|except|rescue|ensure|begin)(?=[ \t]|$)/

/** Mistakes that the parser notices only after the place where they were made. */
export function rejectForeignLine(p: Parser): void {
  const { lx, source } = p
  const before = source.slice(0, lx.lastEnd)
  const line = before.slice(before.lastIndexOf('\n') + 1)
  if (before.endsWith('...') && p.is(','))
    lx.fail('a splat has its dots in front', lx.lastEnd - 3, lx.lastEnd, 'Write `...values`.')
  if (/^[ \t]*\/[/*]/.test(line))
    lx.fail('a comment starts with #', lx.lastEnd - line.trimStart().length, lx.lastEnd, 'Write `# text`.')
  const part = p.is('INDENT') || p.is('extends') ? UI_HEAD.exec(line)?.[1] : undefined
  if (part) unsupported(p, part, lx.lastEnd - line.trimStart().length)
  if (!p.is('INDENT') && !p.is('NEWLINE')) return
  const word = FOREIGN_HEAD.exec(line)?.[1]
  const start = lx.lastEnd - line.trimStart().length
  if (word) lx.fail(`'${word}' does not exist here`, start, start + word.length, `Write \`${HEADS[word]!}\`.`)
  if (LEADING_OPERATOR.test(source.slice(lx.start, lx.start + 8)))
    lx.fail('a line does not start with an operator', lx.start, lx.start + 1, 'End the line above with it.')
}

const HEADS: Readonly<Record<string, string>> = {
  elsif: 'else if',
  elif: 'else if',
  elseif: 'else if',
  foreach: 'for … in',
  except: 'catch',
  rescue: 'catch',
  ensure: 'finally',
  begin: 'try',
}

/** A keyword that is allowed only in a function. */
export function rejectOutside(
  p: Parser,
  word: 'return' | 'yield',
  { start, end }: { readonly start: number; readonly end: number },
): never {
  p.lx.fail(`'${word}' is not in a function`, start, end, OUTSIDE[word])
}

const OUTSIDE = {
  return: 'The top of a module returns nothing: use if, or move the lines to a function.',
  yield: 'Move it to a function, which becomes a generator.',
}

/** A colon before a block, as in Python. */
export function rejectColon(p: Parser, at: number = p.lx.start): never {
  p.lx.fail("no ':' stands in front of a block", at, at + 1, 'Remove it and indent the lines.')
}

/** Braces around a block, as in JavaScript. */
export function rejectBraces(p: Parser, at: number): never {
  p.lx.fail('a block is indented and has no braces', at, at + 1, 'Remove the braces and indent the lines.')
}

const STATEMENT_WORDS: ReadonlySet<string> = new Set(
  'return if for while throw break continue let const var switch try'.split(' '),
)

const ASYNC_DEFINITION = /async[ \t]+(?:def[ \t]|[\w$]+[ \t]*=[ \t]*(?:\([^)\n]*\)[ \t]*)?[-=]>)/y

/** `async` before a definition: Rip allows it only before an arrow. */
export function rejectAsync(p: Parser): void {
  const { start, end } = p.lx
  ASYNC_DEFINITION.lastIndex = start
  if (ASYNC_DEFINITION.test(p.source))
    p.lx.fail('a function that waits is async by itself', start, end, "Remove 'async'.")
}

/** A property without a value; the current token is its key. */
export function rejectProperty(p: Parser, key: Node): never {
  if (key.type === 'Id' && STATEMENT_WORDS.has(key.name))
    rejectBraces(p, p.source.lastIndexOf('{', key.start))
  p.lx.fail('a property without a value needs a plain name', key.start, key.end)
}

/** Modifiers of class members in other languages. */
const MODIFIERS: Readonly<Record<string, string>> = {
  static: 'A static member starts with @: `@name = value`.',
  get: 'Getters do not exist here: write a method, or use Object.defineProperty.',
  set: 'Setters do not exist here: write a method, or use Object.defineProperty.',
  async: "Remove 'async': a method that waits is async by itself.",
  public: "Remove 'public'.",
  private: "Remove 'private'.",
  protected: "Remove 'protected'.",
  readonly: "Remove 'readonly'.",
}

/** A class member with the syntax of another language. */
export function rejectMember(p: Parser, key: Node): never {
  const name = key.type === 'Id' ? key.name : ''
  const hint = p.isWordLike() && Object.hasOwn(MODIFIERS, name) ? MODIFIERS[name] : undefined
  if (hint) p.lx.fail(`'${name}' stands in front of no member here`, key.start, key.end, hint)
  if (name === 'def' || p.is('('))
    p.lx.fail('a method is written with a colon', key.start, key.end, 'Write `name: (a, b) -> …`.')
  p.unexpected('expected : with a function or = with a value')
}

/** `def` before an arrow function. */
export function rejectArrowOfDef(p: Parser): never {
  p.lx.fail(
    `a def has no ${p.kind} in front of its body`,
    p.lx.start,
    p.lx.end,
    'Write `def name(a, b)` with an indented body, or `name = (a, b) -> …`.',
  )
}

/** Text in backticks that looks like a template literal of JavaScript, but in Rip embeds JavaScript. */
export function rejectTemplate(p: Parser, code: string, start: number, end: number): void {
  if (p.source.startsWith('```', start) || /^(?:import|export)\b/.test(code)) return
  if (parsesAsScript(code)) return
  const hint = 'Text with values is written "… #{value} …", in double quotes.'
  p.lx.fail('the text in backticks is not valid JavaScript', start, end, hint)
}

function parsesAsScript(code: string): boolean {
  return [`(${code}\n)`, code, `class A { ${code} }`].some((text) => {
    try {
      AsyncGenerator(text)
      return true
    } catch {
      return false
    }
  })
}

/** Parses the text without running it. */
const AsyncGenerator = async function* none() {}.constructor as (body: string) => unknown

/** Braces around statements, which Rip parses as an object. */
export function rejectBlockInBraces(p: Parser): never {
  p.unexpected('expected , or }', 'Braces hold the properties of an object; a block is indented instead.')
}

/** Expressions of other languages, by their first characters. */
const FOREIGN_VALUES: readonly (readonly [RegExp, string, string])[] = [
  [/<[A-Za-z>]/y, 'JSX does not exist here', 'Call a function that makes the element.'],
  [/\*[^\n]*\*\//y, 'a comment starts with #', 'Write `# text`.'],
]

/** A keyword that starts no expression. */
export function reservedHint(p: Parser): never {
  for (const [text, reason, hint] of FOREIGN_VALUES) {
    text.lastIndex = p.lx.start
    if (text.test(p.source)) p.lx.fail(reason, p.lx.start, p.lx.end, hint)
  }
  const known = foreignWord(p.kind)
  if (known) p.lx.fail(known[0], p.lx.start, p.lx.end, known[1])
  p.unexpected('expected a value')
}

/** Text after a complete statement on the same line. */
export function rejectForeignStatement(p: Parser): never {
  rejectReservedName(p)
  rejectQuoteInText(p)
  const known = foreignWord(p.kind)
  if (known) p.lx.fail(known[0], p.lx.start, p.lx.end, known[1])
  if (p.is(','))
    p.lx.fail("unexpected ','", p.lx.start, p.lx.end, 'Several names take a list: [a, b] = [1, 2].')
  if (p.is('...')) p.lx.fail('a splat has its dots in front', p.lx.start, p.lx.end, 'Write `...values`.')
  p.unexpected()
}

/** `class = 1`: a keyword before the `=`. */
function rejectReservedName(p: Parser): void {
  const { lx, source } = p
  if (!p.is('=')) return
  const word = /[A-Za-z]+$/.exec(source.slice(Math.max(0, lx.lastEnd - 20), lx.lastEnd))?.[0] ?? ''
  if (!isReserved(word)) return
  lx.fail(`'${word}' is a reserved word`, lx.lastEnd - word.length, lx.lastEnd, 'Choose another name.')
}

/** `'it's'`: the second quote has ended the text. */
function rejectQuoteInText(p: Parser): void {
  const { lx, source } = p
  const quote = source[lx.lastEnd - 1]
  if (lx.spaced || !p.is('id') || (quote !== "'" && quote !== '"')) return
  const hint = `Write \\${quote} for a quote in the text, or choose the other quotes.`
  lx.fail('the string ends at this quote', lx.lastEnd - 1, lx.lastEnd, hint)
}

/**
 * A `schema` or `component` expression: the keyword with an indented block, a kind or a parent; elsewhere the word is a
 * name.
 */
const UI =
  /^(?:export[ \t]+)?(?:default[ \t]+|[A-Za-z_$][\w$]*[ \t]*=[ \t]*)(component)(?=[ \t]*(?:\r?\n(?:[ \t]*\r?\n)*[ \t]+\S|:[\w]|extends\b))/

/** Components, the sub-language for user interfaces: only the rip-lang compiler supports them. */
export function rejectInterfaceLanguage(p: Parser): void {
  const { lx, source } = p
  const found = UI.exec(source.slice(lx.start, lx.start + 120))
  if (found && !continuesLine(p, lx.start + found[0].length))
    unsupported(p, found[1]!, lx.start + found[0].length - found[1]!.length)
}

/** `x = component` with a `.method()` on the line below. */
function continuesLine(p: Parser, at: number): boolean {
  return '.,'.includes(p.source[p.lx.codeAhead(at)] ?? ' ')
}

/** A named component or schema after `export`, where a call is not possible. */
export function rejectExportedInterface(p: Parser): void {
  const { lx, source } = p
  const word = UI_EXPORT.exec(source.slice(lx.start, lx.start + 120))?.[1]
  if (word) unsupported(p, word, lx.start)
}

const UI_EXPORT = /^(component|schema)(?=[ \t]+[A-Za-z_$][\w$]*[ \t]*(?:\n|extends\b))/

/** Whether the line so far declares a component or schema, and continues in a way that no call does. */
const UI_HEAD = /^[ \t]*(component|schema|render)[ \t]+[A-Za-z_$][\w$]*[ \t]*$/

function unsupported(p: Parser, word: string, at: number): never {
  if (word === 'schema')
    p.lx.fail('a schema has no name of its own', at, at + 6, 'Assign it: `User = schema :shape`.')
  const hint = "Install rip-lang in the project and select the adapter 'rip-lang'."
  p.lx.fail(`'${word}' is not supported by this compiler`, at, at + word.length, hint)
}
