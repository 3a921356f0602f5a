import { beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { IGrammar } from 'vscode-textmate'
import { definitions } from '../src/definitions.ts'
import { formatted } from '../src/formatted.ts'
import { RESERVED_WORDS, WORDS } from '../src/words.ts'
import { consumedTokens } from './consumed-tokens.ts'
import { guideExamples } from './guide.ts'
import { highlightedScopes } from './highlighted.ts'
import { loadGrammar, scopesOf } from './scopes.ts'
import { wrongScopes } from './wrong-scopes.ts'

let grammar: IGrammar

beforeAll(async () => {
  grammar = await loadGrammar(new URL('../vscode/syntaxes/rip.tmLanguage.json', import.meta.url))
})

/** The innermost scope of each occurrence of a text. */
function scopesAt(source: string, text: string): string[] {
  return scopesOf(grammar, source)
    .filter(({ start, end }) => source.slice(start, end) === text)
    .map(({ scopes }) => scopes.at(-1)!)
}

test('what the VS Code extension names is there', () => {
  const folder = new URL('../vscode/', import.meta.url)
  const read = (path: string): Record<string, unknown> =>
    JSON.parse(readFileSync(new URL(path, folder), 'utf8')) as Record<string, unknown>
  const { contributes } = read('package.json') as {
    contributes: {
      languages: { configuration: string }[]
      grammars: { path: string; scopeName: string }[]
    }
  }
  for (const { path, scopeName } of contributes.grammars) expect(read(path)['scopeName']).toBe(scopeName)
  for (const { configuration } of contributes.languages)
    expect(read(configuration)).toHaveProperty('comments')
})

test('every word that the compiler reserves is in one class of the table', () => {
  expect(Object.values(WORDS).flat().toSorted()).toEqual(RESERVED_WORDS.toSorted())
})

test.each([...definitions()])('%s is what the table makes', (path, text) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(formatted(path, text))
})

test('the definitions for Vim and highlight.js have every word with a meaning', () => {
  const { foreign, modifier, ...meaningful } = WORDS
  const files = definitions()
  for (const path of ['vim/syntax/rip.vim', 'highlight.js/rip.js'])
    for (const word of Object.values(meaningful).flat())
      expect(files.get(path)).toMatch(new RegExp(`\\b${word}\\b`))
  expect([...foreign, ...modifier]).not.toBeEmpty()
})

describe('no colour says something else than the compiler, in example', () => {
  test.each(guideExamples().map((text, index) => [index + 1, text] as const))(
    '%i of the language guide',
    (_, text) => {
      expect(wrongScopes(text, consumedTokens(text), scopesOf(grammar, text))).toEqual([])
    },
  )
})

describe('nor does highlight.js, in example', () => {
  test.each(guideExamples().map((text, index) => [index + 1, text] as const))('%i', (_, text) => {
    expect(wrongScopes(text, consumedTokens(text), highlightedScopes(text))).toEqual([])
  })
})

test('a wrong colour is found', () => {
  const source = 'x = a / b / c\ny = "text" # note\n'
  const scoped = scopesOf(grammar, source)
  expect(wrongScopes(source, consumedTokens(source), scoped)).toEqual([])
  const spoiled = scoped.map((token) =>
    source.slice(token.start, token.end) === 'b'
      ? { ...token, scopes: ['source.rip', 'string.regexp.rip'] }
      : token,
  )
  expect(wrongScopes(source, consumedTokens(source), spoiled)).toEqual([
    '1: "b" is name, shown as string.regexp.rip',
  ])
})

describe('what looks alike is told apart', () => {
  test.each([
    ['a / b / c', '/', 'keyword.operator.rip'],
    ['f /b/', '/', 'punctuation.definition.string.begin.rip'],
    ['x = a.class', 'class', 'variable.other.member.rip'],
    ['x = {if: 1}', 'if', 'variable.other.property.rip'],
    ['[1..n]', 'n', 'variable.other.rip'],
    ['f(...rest)', 'rest', 'variable.other.rip'],
    ['f! / 2', '/', 'keyword.operator.rip'],
    ['greet = (a) -> a', 'greet', 'entity.name.function.rip'],
    ['class A\n  run: -> 1', 'run', 'entity.name.function.rip'],
    ['x = ":a"', ':a', 'string.quoted.double.rip'],
    ['x = :a.b', ':a.b', 'constant.other.symbol.rip'],
    ['x = "#{if a then 1}"', 'if', 'keyword.control.rip'],
    ['schema = 1', 'schema', 'variable.other.rip'],
    ['X = schema :shape\n  a! string', 'schema', 'storage.type.schema.rip'],
    ['X = schema :shape\n  a! string', 'string', 'support.type.primitive.rip'],
    ['X = schema\n  a! Address[]', 'Address', 'entity.name.type.rip'],
    ['X = schema\n  @ensure "m", (x) -> 1', '@ensure', 'keyword.other.directive.rip'],
    ['a! string', 'string', 'variable.other.rip'],
  ])('%s', (source, text, scope) => {
    expect(scopesAt(source, text)[0]).toBe(scope)
  })
})
