import { describe, expect, test } from 'bun:test'
import { evaluate } from './evaluate.ts'

type Row = readonly [what: string, source: string, value: unknown]

function check(rows: readonly Row[]): void {
  test.each(rows)('%s', async (_, source, value) => {
    expect(await evaluate(source)).toEqual(value as object)
  })
}

const FIELDS = `\n[...X._normalize().fields.values()].map (f) -> [f.name, f.required, f.typeName, f.array, f.constraints]`
const ENTRIES = '\nX.description.entries'

describe('the body of a schema', () => {
  check([
    [
      'fields with marks, types and lists',
      `X = schema\n  a!\n  b? integer\n  c string[]\n  d!? email${FIELDS}`,
      [
        ['a', true, 'string', false, {}],
        ['b', false, 'integer', false, {}],
        ['c', false, 'string', true, {}],
        ['d', true, 'email', false, {}],
      ],
    ],
    [
      'ranges, of which a required one without lower end starts at 1',
      `X = schema\n  a! ..5\n  b? ..5\n  c! 2..\n  d! integer, -5..-1\n  e! 0..5\n  f? number, 1.5..2${FIELDS}`,
      [
        ['a', true, 'string', false, { min: 1, max: 5 }],
        ['b', false, 'string', false, { max: 5 }],
        ['c', true, 'string', false, { min: 2 }],
        ['d', true, 'integer', false, { min: -5, max: -1 }],
        ['e', true, 'string', false, { min: 0, max: 5 }],
        ['f', false, 'number', false, { min: 1.5, max: 2 }],
      ],
    ],
    [
      'defaults and patterns',
      `X = schema\n  a ["x"]\n  b integer, [-5]\n  c "x" | "y", [:x]\n  d boolean, [yes]\n  e! /^\\d+$/i, 1..3${FIELDS}`,
      [
        ['a', false, 'string', false, { default: 'x' }],
        ['b', false, 'integer', false, { default: -5 }],
        ['c', false, 'literal-union', false, { default: 'x' }],
        ['d', false, 'boolean', false, { default: true }],
        ['e', true, 'string', false, { min: 1, max: 3, regex: /^\d+$/i }],
      ],
    ],
    [
      'constraints on lines of their own',
      `X = schema\n  a! string,\n    8..100,\n    /[A-Z]/\n  b! email,\n    ..320,\n    -> it.b.trim()\nX.parse {a: "Longenough", b: " a@b.co "}`,
      { a: 'Longenough', b: 'a@b.co' },
    ],
    [
      'comments and blank lines',
      'X = schema :shape # it is\n  # first\n  a! # the a\n\n  b?\n# done\nX.parse {a: "1"}',
      { a: '1' },
    ],
    [
      'words of the language as names of fields',
      'X = schema\n  for! string\n  class? string\nX.parse {for: "a"}',
      { for: 'a' },
    ],
    [
      'transforms see the whole input',
      'X = schema\n  id! -> it.Id\n  n! integer, -> it.a +\n    it.b\nX.parse {Id: "x", a: 1, b: 2}',
      { id: 'x', n: 3 },
    ],
    [
      'methods, computed and derived values with bodies of several lines',
      `X = schema :shape
  first! string
  full: ~>
    text = @first
    text + "!"
  tag: !> @first.toLowerCase()
  add: (n: number, more = 2) ->
    if n > 1
      n + more
    else
      0
x = X.parse {first: "Ada"}
[x.full, x.tag, x.add(3), x.add(1), Object.keys x]`,
      ['Ada!', 'ada', 5, 0, ['first', 'tag']],
    ],
    [
      "a match in a method is the method's own",
      'X = schema :shape\n  a!\n  m: -> if @a =~ /(\\d+)/ then _[1] else "none"\n[X.parse(a: "x12").m(), X.parse(a: "x").m()]',
      ['12', 'none'],
    ],
    [
      'a method that waits',
      'X = schema :shape\n  a!\n  m: -> await Promise.resolve @a\nX.parse(a: "x").m()',
      'x',
    ],
    [
      'rules alone and in a list',
      `X = schema
  a!
  @ensure "one", (x) -> x.a is "ok"
  @ensure [
    "two", :a, (x) -> false
    "three", (x) ->
      y = x.a
      y is "ok"
  ]
X.safe({a: "no"}).errors.map (e) -> [e.field, e.message]`,
      [
        ['', 'one'],
        ['a', 'two'],
        ['', 'three'],
      ],
    ],
    [
      'rules that wait',
      'X = schema\n  a!\n  @ensure! "taken", :a, (x) -> await Promise.resolve false\nX.safeAsync(a: "b").then (r) -> r.errors',
      [{ field: 'a', error: 'ensure', message: 'taken' }],
    ],
    [
      'conversions by type and by name',
      'registerCoercer "double", (v) -> Number(v) * 2\nX = schema\n  a! ~integer, 1..9\n  b! ~:double\nX.parse {a: "5", b: 4}',
      { a: 5, b: 8 },
    ],
    [
      'conversions registered with the object of the language',
      'schema.registerCoercer "half", (v) -> Number(v) / 2\nX = schema; a! ~:half\nX.parse a: 4',
      { a: 2 },
    ],
    [
      'an enum is known by its members',
      'X = schema\n  :a\n  :b 2\n  :c "see"\n  :d -1.5\n[X.kind, X.parse("a"), X.parse("b"), X.parse("see"), X.parse(-1.5)]',
      ['enum', 'a', 2, 'see', -1.5],
    ],
    [
      'mixins, unions and schemas in schemas',
      `Base = schema :mixin
  id! integer
A = schema :shape
  kind! "a"
  @mixin Base
B = schema :shape; kind! "b"
U = schema :union
  @on :kind
  A
  B
X = schema; list! U[]
X.safe({list: [{kind: "a", id: 1}, {kind: "a"}, {kind: "c"}]}).errors.map (e) -> e.field`,
      ['list[1].id', 'list[2].kind'],
    ],
    [
      'a value without the field of its union belongs to the member that has a default for it',
      `A = schema :shape; kind "a", ["a"]; x! integer
B = schema :shape; kind! "b"
U = schema :union
  @on :kind
  A
  B
[U.parse({x: 1}), U.parse({kind: null, x: 2}), U.ok({kind: "c", x: 3}), U.ok({})]`,
      [{ kind: 'a', x: 1 }, { kind: 'a', x: 2 }, false, false],
    ],
    [
      'of two members with such a default neither is chosen',
      `A = schema :shape; kind "a", ["a"]
B = schema :shape; kind "b", ["b"]
U = schema :union
  @on :kind
  A
  B
try U.ok({}) catch e then e.issues[0].message`,
      "A and B both have a default for 'kind'",
    ],
    [
      'the description of every form',
      `X = schema :shape; a! string @unique; b? {was: "old"}; @mixin M${ENTRIES}`,
      [
        { tag: 'field', name: 'a', modifiers: ['!'], typeName: 'string', array: false, unique: true },
        {
          tag: 'field',
          name: 'b',
          modifiers: ['?'],
          typeName: 'string',
          array: false,
          attrs: { was: 'old' },
        },
        { tag: 'directive', name: 'mixin', args: [{ target: 'M' }] },
      ],
    ],
    [
      'the setting for texts without a limit, for the schemas below it',
      `schema.defaultMaxString = 3
A = schema; a!; b? text; c? 1..9; d? /x/; e? "long" | "s"; f? string[]; g? integer; h? 2..
schema.defaultMaxString = 0
B = schema; a!
[(f.constraints.max for f as A.parts.fields.values()), B.parts.fields.get("a").constraints]`,
      [[3, undefined, 9, undefined, undefined, undefined, undefined, 3], {}],
    ],
  ])
})

describe('a schema stands', () => {
  check([
    [
      'on one line, of which the ; may be the last character',
      'X = schema :shape; a!; b? integer;\ny = 1\n[X.kind, y]',
      ['shape', 1],
    ],
    ['in parentheses', 'X = (schema :shape; a!)\n[X.name, X.ok(a: "x")]', ['X', true]],
    [
      'as an argument',
      'A = schema :shape; a!\nB = A.extend(schema :shape; b!)\nB.parse a: "1", b: "2"',
      { a: '1', b: '2' },
    ],
    [
      'as an argument on lines',
      'A = schema :shape; a!\nB = A.extend (schema :shape\n  b!)\nB.ok a: "1"',
      false,
    ],
    ['in a function, under its name there', 'f = ->\n  X = schema\n    a!\n  X\nf().name', 'X'],
    [
      'in an object, without a name',
      'o = {x: (schema :shape; a!)}\n[o.x.name ? 1 : 0, o.x.ok(a: "x")]',
      [0, true],
    ],
    ['behind a condition', 'if true\n  X = schema\n    a!\nX.ok {}', false],
    ['behind a constant', 'X =! schema\n  a!\nX.name', 'X'],
  ])
})

describe('everywhere else schema is a name', () => {
  check([
    ['of a variable', 'schema = 42\nschema + 1', 43],
    ['of a variable behind a line break', 'schema = 1\nif schema\n  2', 2],
    ['of a variable before a semicolon', 'schema = 1; x = schema; x + 1', 2],
    ['of a parameter', 'f = (schema) -> schema.a\nf a: 3', 3],
    [
      'of a parameter whose function is called',
      'f = (schema) ->\n  schema :name\nf (x) -> x',
      Symbol.for('name'),
    ],
    ['of a parameter in a block', 'f = (schema) ->\n  x = schema\n  x\nf 1', 1],
    [
      'of a parameter that gets a setting',
      'f = (schema) ->\n  schema.defaultMaxString = 5\n  schema\nf {}',
      { defaultMaxString: 5 },
    ],
    ['of a key and a member', 'o = {schema: 1}\no.schema + o?.schema', 2],
    ['of a property without value', 'schema = 1\n{schema}', { schema: 1 }],
    ['of a loop', 'x = 0\nfor schema in [1, 2]\n  x += schema\nx', 3],
    ['of a method', 'class A\n  schema: -> 5\nnew A().schema()', 5],
    ['of a function', 'def schema(x)\n  x\nschema 3', 3],
    ['whose members are read', 'schema = {a: {b: 1}}\nschema.a.b', 1],
    ['in a choice', 'schema = 1\nx = true ? schema : 2\nx', 1],
    ['in a head', 'schema = [1]\n(for x in schema\n  x)', [1]],
  ])
})
