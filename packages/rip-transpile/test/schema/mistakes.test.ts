import { describe, expect, test } from 'bun:test'
import { refusal } from '../compiler/refusal.ts'

type Mistake = readonly [source: string, at: string, reason: string, hint: string]

const shape = (line: string): string => `X = schema :shape\n  ${line}`
const input = (line: string): string => `X = schema\n  ${line}`

const MISTAKES: readonly Mistake[] = [
  ['X = schema :widget\n  a!', '1:12', "':widget' is no kind", ':input, :shape, :enum'],
  ['X = schema :model\n  a!', '1:12', 'models are not supported yet', 'Write :shape'],
  ['X = schema :shape', '1:5', 'no body', 'Indent its fields'],
  ['X = schema :shape, on: db\n  a!', '1:18', 'has no options', 'Indent its fields'],
  ['X = schema :shape;\n', '1:18', 'there is no entry after this ;', 'behind the ;'],
  ['X = schema;', '1:11', 'there is no entry after this ;', 'behind the ;'],
  ['schema User\n  a!', '1:1', 'no name of its own', 'User = schema'],
  [input('name: string'), '2:3', 'a field has no colon', '`name type`'],
  [input('answer: 42'), '2:3', 'a field has no colon', '`answer: ~> …`'],
  [input('"a-b"! string'), '2:3', 'plain name', 'it["data-id"]'],
  [input('a! string integer'), '2:13', "expected a constraint of 'a'", 'ranges 1..9'],
  [input('a! 5'), '2:7', 'expected .. behind the number', 'ranges 1..9'],
  [input('a! null'), '2:6', "expected a constraint of 'a'", 'ranges'],
  [input('if x then 5'), '2:8', "expected a constraint of 'if'", 'ranges'],
  [input('a! 100..8'), '2:6', 'reversed', '8..100'],
  [input('a! 1...8'), '2:7', 'expected .. behind the number', 'ranges 1..9'],
  [input('a! ...8'), '2:6', 'two dots', '1..9'],
  [input('a! ..'), '2:6', 'no end', '1..'],
  [input('a! 1..2, 3..4'), '2:12', 'one range', '1..9'],
  [input('a! ..0'), '2:6', 'both required and at most 0', 'lower end'],
  [input('a! ..-1'), '2:6', 'both required and at most -1', 'lower end'],
  [input('a! boolean, 1..2'), '2:15', 'a boolean has no range', '@ensure'],
  [input('a! date, 1..2'), '2:12', 'a date has no range', '@ensure'],
  [input('a! "x" | "y", 1..2'), '2:17', 'a list of texts has no range', 'Remove it'],
  [input('a! "x" | string'), '2:12', 'only texts are listed', ':union'],
  [input('a! string | "x"'), '2:13', 'only texts are listed', ':union'],
  [input('a! "x" | "y" []'), '2:16', 'a default has a value', 'string[]'],
  [input('a! string[][]'), '2:14', 'a plain list', 'inner list'],
  [input('a! string, [8, 100]'), '2:14', 'one value', '8..100'],
  [input('a! string, [/x/]'), '2:15', 'no brackets', '/^x/'],
  [input('a! string, [b]'), '2:15', 'plain values', 'in quotes'],
  [input('a! ["x"], ["y"]'), '2:13', 'one default', ''],
  [input('a! /x/, /y/'), '2:11', 'one pattern', '@ensure'],
  [input('a! {wat: "x"}'), '2:7', "no option 'wat'", '`was`'],
  [input('a! string @uniq'), '2:13', 'no @uniq', '@unique'],
  [input('a! string,'), '2:13', 'expected a constraint behind the comma', ''],
  [input('a! ~string'), '2:6', "there is no conversion to 'string'", '~integer'],
  [input('a! ~integer[]'), '2:6', 'elements of a list', 'transform'],
  [input('a! ~integer, -> 5'), '2:16', 'converted once', 'Remove the ~'],
  [input('a! email -> it.a'), '2:12', 'a comma stands in front', ', ->'],
  [input('a! 8..9 -> it.a'), '2:11', 'a comma stands in front', ', ->'],
  [input('a! => it.a'), '2:6', 'written with ->', '->'],
  [input('mdmID! string'), '2:3', 'not written like a field', 'mdmId! -> it.mdmID'],
  [input('first_name! string'), '2:3', 'not written like a field', 'firstName! -> it.first_name'],
  [input('greet: -> "hi"'), '2:3', 'a schema :input has none', 'schema :shape'],
  [input('up: ~> @a'), '2:3', 'a schema :input has none', 'schema :shape'],
  [input('@timestamps'), '2:3', '@timestamps belongs to a model', 'not supported yet'],
  [input('@foo'), '2:3', 'there is no @foo', '@mixin and @ensure'],
  ['X = schema :input\n  :a', '2:3', 'a schema :input has no members', 'schema :enum'],
  [shape('m: (x) => x'), '2:3', 'written with ->', '(…) -> …'],
  [shape('c: (n) ~> n'), '2:6', 'takes no parameters', 'a method with ->'],
  [shape('c: (n) !> n'), '2:6', 'takes no parameters', 'a method with ->'],
  [shape('c: ~>'), '2:3', 'no value', '~> @first'],
  [shape('@mixin'), '2:3', '@mixin names a schema', '@mixin Timestamps'],
  [shape('@mixin A, B'), '2:11', 'names one schema', 'each line'],
  [shape('@on :kind'), '2:3', 'is for unions only', 'schema :union'],
  [shape('@ensure "m", f'), '2:3', 'a function behind its message', '(it) ->'],
  [shape('@ensure "m", -> 1'), '2:3', 'a function behind its message', '(it) ->'],
  [shape('@ensure "m" (u) -> 1'), '2:3', 'a function behind its message', '(it) ->'],
  [shape('@ensure 5, (u) -> 1'), '2:3', 'starts with its message', '@ensure "'],
  [shape('@ensure "#{x}", (u) -> 1'), '2:11', 'plain text', '@ensure "'],
  ['M = schema :mixin\n  m: -> 1', '2:3', 'a schema :mixin has none', 'schema :shape'],
  ['M = schema :mixin\n  a! -> it.b', '2:3', 'plain fields', 'Move the transform'],
  ['M = schema :mixin\n  a: !> 1', '2:3', 'derives no values', 'schema :shape'],
  ['M = schema :mixin\n  @ensure "m", (u) -> 1', '2:3', 'takes no @ensure', 'Move it'],
  ['E = schema :enum\n  admin', '2:3', 'is a :symbol', ':admin'],
  ['E = schema :enum\n  pending: 0', '2:3', 'is a :symbol', ':pending'],
  ['E = schema :enum\n  :a: 0', '2:5', 'without a colon', ':a 1'],
  ['E = schema :enum\n  :a b', '2:6', 'plain values', 'in quotes'],
  ['E = schema :enum\n  :a\n  @ensure "m", (u) -> 1', '3:3', 'takes no @ensure', 'with fields'],
  ['U = schema :union\n  A\n  B', '1:5', 'which field decides', '@on :kind'],
  ['U = schema :union\n  @on :kind\n  A', '1:5', 'at least two', 'each line'],
  ['U = schema :union\n  @on :kind\n  a! string', '3:3', 'a union lists schemas', 'fields belong'],
  ['U = schema :union\n  @on kind\n  A\n  B', '2:3', '@on names a field', '@on :kind'],
  ['X = schema :shape; a!; m: -> 1', '1:24', 'no functions', 'Indent its lines'],
  ['X = schema :shape; a!; c: ~> 1', '1:24', 'no functions', 'Indent its lines'],
  ['X = schema :shape; a!; c: !> 1', '1:24', 'no functions', 'Indent its lines'],
  ['X = schema :shape; a! -> it.b', '1:20', 'no functions', 'Indent its lines'],
  ['schema.defaultMacString = 5', '1:1', 'no setting schema.defaultMacString', 'defaultMaxString'],
  ['schema.defaultMaxString = "5"', '1:1', 'a whole number', '500'],
  ['schema.defaultMaxString = -5', '1:1', 'a whole number', '500'],
  ['schema.defaultMaxString = 1.5', '1:1', 'a whole number', '500'],
  ['f = ->\n  schema.defaultMaxString = 5', '2:3', 'for a whole file', 'top level'],
  ['if a\n  schema.defaultMaxString = 5', '2:3', 'for a whole file', 'top level'],
]

describe('an invalid line of a schema is refused, with a correction', () => {
  for (const [source, at, reason, hint] of MISTAKES) {
    test(source.replaceAll('\n', '⏎'), () => {
      const error = refusal(source)
      expect(error.reason).toContain(reason)
      expect(`${error.line}:${error.column}`).toBe(at)
      expect(error.hint ?? '').toContain(hint)
    })
  }
})
