import type { Block, Node } from '../ast.ts'
import { isNameStart, Lexer } from '../lexer.ts'
import { Brackets } from '../scan.ts'
import { Scope } from '../scope.ts'
import { changed, inBody, inBrackets, PLAIN } from './mode.ts'
import type { Mode } from './mode.ts'

/** Facts about the function being parsed, known when its body was read. */
export interface FnState {
  isAsync: boolean
  isGenerator: boolean
}

/**
 * The rules through which the grammar is recursive. The files of this folder reach them through the parser and import
 * each other in one direction only.
 */
export interface Grammar {
  readonly statement: Rule
  /** An indented block; the current token is INDENT. */
  readonly indentedBlock: Rule<Block>
  /** Statements on the rest of the line, separated by semicolons. */
  readonly inlineBlock: Rule<Block>
  /** The block of `if`, `for` and the like, indented or after `then`; or what stands before a closing bracket. */
  readonly body: (p: Parser, close?: string) => Node
  /** Any expression, without postfix `if`, `for` and the like. */
  readonly expression: Rule
  /** An expression that may be `a if c else b`; a lone `if` is left to the statement. */
  readonly value: Rule
  /** An expression in brackets with a postfix `if`, which can only belong to that expression. */
  readonly bracketedValue: Rule
  /** The right side of `=`: an expression, or an indented block. */
  readonly rightSide: Rule
  /** An expression on the right side of an assignment; a postfix condition applies to the whole assignment. */
  readonly assignedValue: Rule
  readonly unary: Rule
  readonly primary: Rule
  /** Refuses a line of another language, when something in it was not expected. */
  readonly rejectForeignLine: (p: Parser) => void
}

type Rule<T extends Node = Node> = (p: Parser) => T

/** Maximum nesting that the parser accepts, far above that of written programs. */
export const MAX_DEPTH = 700

/** State shared by the parsing functions of this folder. */
export class Parser {
  readonly lx: Lexer
  readonly source: string
  readonly brackets: Brackets
  readonly dialect: 3 | 4
  private readonly grammar: Grammar
  scope: Scope = new Scope(undefined, true)
  fn: FnState = { isAsync: false, isGenerator: false }
  /** Offset of the innermost open bracket, or -1. */
  openBracket = -1
  /** Offset of the brace of the innermost open interpolation, or -1. */
  interpolation = -1
  mode: Mode = PLAIN
  /** A condition read after a value, before it was clear that it guards the whole statement. */
  pendingIf: { test: Node; negated: boolean } | undefined
  /** Decisions made by reading ahead, by offset. */
  readonly decided: Map<number, boolean> = new Map()
  depth = 0
  /** Number of the current block, which may declare its own names. */
  block = 0
  private blocks = 0
  /** Number of functions around the current token. */
  fnDepth = 0
  /** Place of the first `return` outside functions, which only a script may contain. */
  outerReturn: { readonly start: number; readonly end: number } | undefined
  /** Start of the current statement: an assignment there may be a declaration. */
  statementStart = -1
  readonly dependencies: string[] = []
  /** Texts of all types, which are not code. */
  readonly types: string[] = []
  /** Types given to expressions by `as`. */
  readonly casts: Map<Node, string> = new Map()
  readonly exports: Set<string> = new Set()
  /** Limit that `schema.defaultMaxString` sets for the schemas after it; 0 is no limit. */
  defaultMaxString = 0

  constructor(source: string, filename: string, limit: number, dialect: 3 | 4, grammar: Grammar) {
    this.lx = new Lexer(source, filename, limit)
    this.source = source
    this.brackets = new Brackets(source)
    this.dialect = dialect
    this.grammar = grammar
  }

  statement(): Node {
    return this.grammar.statement(this)
  }

  indentedBlock(): Block {
    return this.grammar.indentedBlock(this)
  }

  inlineBlock(): Block {
    return this.grammar.inlineBlock(this)
  }

  body(close?: string): Node {
    return this.grammar.body(this, close)
  }

  expression(): Node {
    return this.grammar.expression(this)
  }

  value(): Node {
    return this.grammar.value(this)
  }

  bracketedValue(): Node {
    return this.grammar.bracketedValue(this)
  }

  rightSide(): Node {
    return this.grammar.rightSide(this)
  }

  assignedValue(): Node {
    return this.grammar.assignedValue(this)
  }

  unary(): Node {
    return this.grammar.unary(this)
  }

  primary(): Node {
    return this.grammar.primary(this)
  }

  get kind(): string {
    return this.lx.kind
  }

  /** Whether the current token is of this kind. */
  is(kind: string): boolean {
    return this.lx.kind === kind
  }

  next(): void {
    this.lx.next()
  }

  accept(kind: string): boolean {
    if (this.lx.kind !== kind) return false
    this.lx.next()
    return true
  }

  isWord(word: string): boolean {
    return this.lx.kind === 'id' && this.lx.value === word
  }

  /** Whether the current token is a name or a reserved word, both of which may name members and keys. */
  isWordLike(): boolean {
    return this.lx.value !== '' && isNameStart(this.lx.value.charCodeAt(0))
  }

  expect(kind: string, where: string): void {
    if (this.lx.kind === kind) return this.lx.next()
    this.unexpected(`expected ${kind} ${where}`)
  }

  unexpected(wanted?: string, hint?: string): never {
    this.grammar.rejectForeignLine(this)
    const { lx, openBracket } = this
    if (lx.start >= lx.limit && openBracket !== -1) this.unclosed(openBracket)
    const names: Record<string, string> = {
      NEWLINE: 'end of line',
      INDENT: 'indentation',
      DEDENT: 'end of block',
      EOF: 'end of file',
    }
    const found = names[lx.kind] ?? `'${lx.value}'`
    const reason = wanted ? `unexpected ${found}, ${wanted}` : `unexpected ${found}`
    return lx.fail(reason, lx.start, Math.max(lx.end, lx.start + 1), hint)
  }

  /** Refuses a bracket that is never closed. */
  unclosed(at: number): never {
    const start = at === this.interpolation ? at - 1 : at
    return this.lx.fail(`this ${this.source.slice(start, at + 1)} is never closed`, start, at + 1)
  }

  /** Skips line breaks and indentation inside brackets. */
  skipLayout(): void {
    while (this.kind === 'NEWLINE' || this.kind === 'INDENT' || this.kind === 'DEDENT') this.next()
  }

  skipLayoutTo(close: string): void {
    this.skipLayout()
    if (this.kind !== close) this.unexpected(`expected ${close}`)
  }

  skipNewlines(): void {
    while (this.kind === 'NEWLINE' || this.kind === ';') this.next()
  }

  enter(): void {
    if (++this.depth > MAX_DEPTH)
      this.lx.fail('this is nested too deeply', this.lx.start, this.lx.end, 'Give the inner part a name.')
  }

  /** Reads ahead, and restores the state afterwards; only the result is kept. */
  speculate<T>(parse: () => T): T {
    const { scope, fn, pendingIf } = this
    const saved = this.lx.save()
    const mentions = scope.mentions.length
    const children = scope.children.length
    const types = this.types.length
    this.fn = { ...fn }
    const result = parse()
    scope.mentions.length = mentions
    scope.children.length = children
    this.types.length = types
    this.fn = fn
    this.pendingIf = pendingIf
    this.lx.restore(saved)
    return result
  }

  /** Parses the statements of a block. */
  inBlock<T>(parse: () => T): T {
    const outer = this.block
    this.block = ++this.blocks
    const result = parse()
    this.block = outer
    return result
  }

  /** Parses inside brackets, where the restrictions of the surroundings do not apply. */
  bracketed<T>(parse: () => T): T {
    const { openBracket } = this
    this.openBracket = this.lx.start
    const saved = this.lx.openBracket()
    this.next()
    const result = this.inMode(inBrackets(this.mode), parse)
    this.lx.closeBracket(saved)
    this.openBracket = openBracket
    return result
  }

  /** Parses a block, where the restrictions of the surroundings do not apply either. */
  fresh<T>(parse: () => T): T {
    return this.inMode(inBody(this.mode, this.is('INDENT')), parse)
  }

  /** Parses the head of a statement with a block. */
  head<T>(parse: () => T): T {
    return this.within({ noIndentArgs: true }, parse)
  }

  /** Parses with a changed mode. */
  within<T>(change: Partial<Mode>, parse: () => T): T {
    return this.inMode(changed(this.mode, change), parse)
  }

  private inMode<T>(mode: Mode, parse: () => T): T {
    const outer = this.mode
    this.mode = mode
    const result = parse()
    this.mode = outer
    return result
  }

  withScope<T>(scope: Scope, parse: () => T): T {
    const outer = this.scope
    this.scope = scope
    const result = parse()
    this.scope = outer
    return result
  }
}

export function blockOf(node: Node): Block {
  return node.type === 'Block' ? node : { type: 'Block', body: [node], start: node.start, end: node.end }
}
