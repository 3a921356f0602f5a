import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compile } from '../../src/compiler/index.ts'
import { tempProject } from '../temp-project.ts'
import type { TempProject } from '../temp-project.ts'

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url))
const TYPESCRIPT = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))

/** TypeScript reads its whole library; on a busy machine that takes seconds. */
const TYPESCRIPT_TIMEOUT_MS = 60_000

interface Case {
  readonly name: string
  readonly source: string
  readonly dts: string
  /** TypeScript that uses the module; wrong uses are marked, and fail the test if TypeScript accepts them. */
  readonly user: string
  readonly runtime?: 'inline'
}

const cases: readonly Case[] = [
  {
    name: 'functions',
    source: `
export def greet(name: string, greeting = 'Hello'): string
  "#{greeting}, #{name}!"

export repeat = (text: string, times?: number, ...rest: string[]): string -> text
export def first<T extends object>(items: T[]): T
  items[0]
export def untyped(a, b = 1, {c, d = 2}, ...e)
  a
export def load(id: number): string
  fetch! "/#{id}"
export def fire!
  noop()
export numbers = (limit: number) -> yield limit
export twice = -> it * 2
export middle = (a: number, ...b, c: number) -> a
export isText = (value: unknown): value is string -> typeof value is 'string'
export onEvent = (listen: (name: string) => void): => void -> -> listen 'end'
hidden = (a) -> a
`,
    dts: `
export function greet(name: string, greeting?: string): string;
export function repeat(text: string, times?: number, ...rest: string[]): string;
export function first<T extends object>(items: T[]): T;
export function untyped(a: any, b: number | undefined, options3: { c: any; d?: any }, ...e: any[]): any;
export function load(id: number): Promise<string>;
export function fire(): void;
export function numbers(limit: number): Generator<any, any, any>;
export function twice(it?: any): any;
export function middle(a: number, ...rest: any[]): any;
export function isText(value: unknown): value is string;
export function onEvent(listen: (name: string) => void): () => void;
`,
    user: `
import * as m from './functions.js'
const texts: string[] = [m.greet('Ann'), m.greet('Ann', 'Hi'), m.repeat('a', 2, 'x', 'y')]
const found: { id: number } = m.first([{ id: 1 }])
const loaded: Promise<string> = m.load(1)
const nothing: void = m.fire()
const off: () => void = m.onEvent((name) => name.length)
for (const number of m.numbers(3)) void number
m.untyped(1, undefined, { c: 1 }, 2, 3)
m.middle(1, 2, 3, 4)
m.twice()
export const length = (value: unknown) => (m.isText(value) ? value.length : 0)
// @ts-expect-error a number is no name
m.greet(1)
// @ts-expect-error the name is missing
m.greet()
// @ts-expect-error not a number
m.load('1')
// @ts-expect-error not exported
m.hidden
void [texts, found, loaded, nothing, off]
`,
  },
  {
    name: 'overloads',
    source: `
export def wrap(value: string): string[]
export def wrap(value: number): number[]
export def wrap(value: any): any
  [value]
`,
    dts: `
export function wrap(value: string): string[];
export function wrap(value: number): number[];
`,
    user: `
import { wrap } from './overloads.js'
const texts: string[] = wrap('a')
const numbers: number[] = wrap(1)
// @ts-expect-error no such overload
wrap(true)
void [texts, numbers]
`,
  },
  {
    name: 'constants',
    source: `
export port = 3000
export host: string | undefined = process.env.HOST
export LIMIT: number =! 5
export names = ['a', 'b']
export mixed = [1, 'a']
export options = { deep: { on: yes }, 'content-type': 'x', f: (a: number): string -> '' }
export open = { ...options }
export big = 10n
export table = new Map
export since = new Date
export pattern = /a/
export sum = 1 + 2
export label = "#{port}!"
export both = port is 1 ? 'a' : 1
export asserted = JSON.parse('1') as number
export unknown = JSON.parse '1'
counter: number = 0
`,
    dts: `
export const port: number;
export const host: string | undefined;
export const LIMIT: number;
export const names: string[];
export const mixed: any[];
export const options: { deep: { on: boolean }; "content-type": string; f: (a: number) => string };
export const open: { [name: string]: any };
export const big: bigint;
export const table: Map<any, any>;
export const since: Date;
export const pattern: RegExp;
export const sum: number;
export const label: string;
export const both: string | number;
export const asserted: number;
export const unknown: any;
declare let counter: number;
export {};
`,
    user: `
import * as m from './constants.js'
const port: number = m.port
const texts: string[] = [...m.names, m.options['content-type'], m.options.f(1), m.label]
const flags: boolean[] = [m.options.deep.on, m.pattern.test(''), m.table.has(1)]
const numbers: number[] = [m.LIMIT, m.sum, m.asserted, m.since.getTime()]
const big: bigint = m.big
void [port, texts, flags, numbers, big, m.open['anything'], m.unknown.anything]
// @ts-expect-error a constant
m.port = 1
// @ts-expect-error it may be undefined
m.host.length
// @ts-expect-error not a text
m.names.push(1)
// @ts-expect-error one of two types
m.both.length
// @ts-expect-error not exported
m.counter
`,
  },
  {
    name: 'classes',
    source: `
export class Box<T>
  size: number = 0
  label?: string
  kind = 'box'
  @made: number = 0
  constructor: (@value: T, @tags = []) ->
    @opened = no
  get: (): T -> @value
  set: (value: T): void => @value = value
  load: (): T -> fetch! 'x'
  @of: (value: string): Box<string> -> new Box value

export class Failure extends Error
  constructor: (message: string, @status: number) -> super message

export class Bag extends Map<string, number>
  total: (): number -> 1

export Plain = class extends mixin(Error)
  run: -> 1
`,
    dts: `
export class Box<T> {
  opened: boolean;
  value: T;
  tags: any[];
  size: number;
  label?: string;
  kind: string;
  static made: number;
  constructor(value: T, tags?: any[]);
  get(): T;
  set(value: T): void;
  load(): Promise<T>;
  static of(value: string): Box<string>;
}
export class Failure extends Error {
  status: number;
  constructor(message: string, status: number);
}
export class Bag extends Map<string, number> {
  total(): number;
}
declare const PlainParent: any;
export class Plain extends PlainParent {
  run(): any;
}
export {};
`,
    user: `
import { Bag, Box, Failure, Plain } from './classes.js'
const box = new Box(1, ['a'])
const numbers: number[] = [box.get(), box.value, box.size, Box.made, new Bag().total(), new Failure('x', 404).status]
const loaded: Promise<number> = box.load()
const named: Box<string> = Box.of('a')
const failed: Error = new Failure('x', 1)
const open: boolean = box.opened
void [numbers, loaded, named, failed, open, new Plain().run(), new Plain().anything]
// @ts-expect-error it holds a number
box.set('a')
// @ts-expect-error it may be undefined
box.label.length
// @ts-expect-error the status is missing
new Failure('x')
// @ts-expect-error keys are texts
new Bag().set(1, 1)
`,
  },
  {
    name: 'types',
    source: `
export type Id = number | string # of a user
export type Shape =
  | { kind: 'circle', radius: number }
  | { kind: 'square', side: number }
export type User =
  id: Id
  readonly name: string
  mail?: string   # may be missing
  address: type
    city: string
    lines: string[]
  greet: (other: User) => string
  done: => void
  [extra: string]: any
export type Options = {
  host: string
  port?: number
}
export type Handler<T = any> = (value: T) => void
type Inner = 'a' | 'b'
export interface Named
  name: string
export interface Dog extends Named
  bark: () => Inner
  on(event: string): Dog
export interface Empty
`,
    dts: `
export type Id = number | string;
export type Shape =
  | { kind: 'circle', radius: number }
  | { kind: 'square', side: number };
export type User = {
  id: Id;
  readonly name: string;
  mail?: string;
  address: {
    city: string;
    lines: string[];
  };
  greet: (other: User) => string;
  done: () => void;
  [extra: string]: any;
};
export type Options = {
  host: string
  port?: number
};
export type Handler<T = any> = (value: T) => void;
type Inner = 'a' | 'b';
export interface Named {
  name: string;
}
export interface Dog extends Named {
  bark: () => Inner;
  on(event: string): Dog;
}
export interface Empty {}
export {};
`,
    user: `
import type { Dog, Empty, Handler, Id, Named, Options, Shape, User } from './types.js'
const id: Id = 'a'
const shape: Shape = { kind: 'circle', radius: 1 }
const options: Options = { host: 'x' }
export const use = (user: User, dog: Dog, empty: Empty, on: Handler<string>): Named => {
  on(user.greet(user) + user.address.city)
  user.done()
  const bark: 'a' | 'b' = dog.on('x').bark()
  void [empty, bark]
  // @ts-expect-error it may be missing
  user.mail.length
  // @ts-expect-error it cannot be written
  user.name = 'x'
  return dog
}
// @ts-expect-error a circle has no side
const wrong: Shape = { kind: 'circle', side: 1 }
// @ts-expect-error not exported
type Hidden = import('./types.js').Inner
void [id, shape, options, wrong]
export type { Hidden }
`,
  },
  {
    name: 'merged',
    source: `
export interface Problem
  status: number
export class Problem extends Error
  constructor: (message, status) ->
    super message
    @status = status
    @at = 1
`,
    dts: `
export interface Problem {
  status: number;
}
export class Problem extends Error {
  at: number;
  constructor(message: any, status: any);
}
`,
    user: `
import { Problem } from './merged.js'
const numbers: number[] = [new Problem('x', 1).status, new Problem('x', 1).at]
// @ts-expect-error no such member
new Problem('x', 1).nothing
void numbers
`,
  },
  {
    name: 'enums',
    source: `
export enum Level
  low
  high = 10
  higher

export enum Color
  red = 'r'
  green = 'g'

export paint = (color: Color): Level -> Level.low
`,
    dts: `
export enum Level {
  low = 0,
  high = 10,
  higher = 11
}
export enum Color {
  red = "r",
  green = "g"
}
export function paint(color: Color): Level;
`,
    user: `
import { Color, Level, paint } from './enums.js'
const level: Level = paint(Color.red)
const name: string | undefined = Level[10]
void [level, name]
// @ts-expect-error not a color
paint('blue')
// @ts-expect-error no such member
Level.lowest
`,
  },
  {
    name: 'reactive',
    source: `
export count: number := 0
export doubled: number ~= count * 2
export label := 'a'
export watcher ~> p count
`,
    dts: `
export const count: import('@rip/transpile/runtime').State<number>;
export const doubled: import('@rip/transpile/runtime').Computed<number>;
export const label: import('@rip/transpile/runtime').State<string>;
export const watcher: import('@rip/transpile/runtime').Effect;
`,
    user: `
import { count, doubled, label, watcher } from './reactive.js'
count.value = doubled.value + count.read()
label.value = 'b'
watcher.stop()
// @ts-expect-error a computed value is read only
doubled.value = 1
// @ts-expect-error not a number
count.value = 'a'
`,
  },
  {
    name: 'reactive-alone',
    runtime: 'inline',
    source: 'export count: number := 0\nexport doubled: number ~= count * 2\n',
    dts: `
export const count: { value: number; read(): number };
export const doubled: { readonly value: number; read(): number };
`,
    user: `
import { count, doubled } from './reactive-alone.js'
count.value = doubled.value
// @ts-expect-error a computed value is read only
doubled.value = 1
`,
  },
  {
    name: 'default-function',
    source: 'export default def area(r: number): number\n  r * r\n',
    dts: 'declare function area(r: number): number;\nexport default area;\nexport {};\n',
    user: `
import area from './default-function.js'
const size: number = area(2)
// @ts-expect-error not a text
area('2')
void size
`,
  },
  {
    name: 'default-class',
    source: 'export default class Point\n  x: number = 0\n',
    dts: 'declare class Point {\n  x: number;\n}\nexport default Point;\nexport {};\n',
    user: `
import Point from './default-class.js'
const x: number = new Point().x
// @ts-expect-error no such member
new Point().y
void x
`,
  },
  {
    name: 'default-object',
    source: 'export default\n  port: 80\n  fetch: (request: Request): Response -> new Response\n',
    dts: `
declare const _default: { port: number; fetch: (request: Request) => Response };
export default _default;
export {};
`,
    user: `
import server from './default-object.js'
const status: number = server.fetch(new Request('http://x')).status + server.port
// @ts-expect-error no request
server.fetch()
void status
`,
  },
  {
    name: 'lists',
    source: `
import { Box, Failure as Problem } from './classes.rip'
import type { User } from './types.rip'
import { unused } from './functions.rip'
limit = 3
local = (box: Box<number>): User | Problem -> limit
helper = -> unused()
export { limit, local as open }
export { Level } from './enums.rip'
export * from './constants.rip'
`.trimStart(),
    dts: `
import { Box, Failure as Problem } from "./classes.rip";
import type { User } from './types.rip';
declare let limit: number;
declare function local(box: Box<number>): User | Problem;
export { limit, local as open };
export { Level } from "./enums.rip";
export * from "./constants.rip";
export {};
`,
    user: `
import { Level, limit, open, port } from './lists.js'
import { Box } from './classes.js'
const numbers: number[] = [limit, port, Level.high]
const name: string = open(new Box(1)).name
// @ts-expect-error a box of numbers
open(new Box('a'))
void [numbers, name]
`,
  },
  {
    name: 'script',
    source:
      'MAX: number =! 100\nenum Direction\n  north\n  south\ntotal: number\ndef half(n: number): number\n  n / 2\n',
    dts: `
declare const MAX: number;
declare enum Direction {
  north = 0,
  south = 1
}
declare let total: number;
declare function half(n: number): number;
export {};
`,
    user: `
import './script.js'
// @ts-expect-error nothing is exported
half(1)
`,
  },
]

const CONFIG = {
  compilerOptions: {
    target: 'esnext',
    module: 'nodenext',
    lib: ['esnext', 'dom'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: false,
    customConditions: ['@rip/source'],
  },
  include: ['*.ts'],
}

function declarations({ source, runtime }: Case): string {
  return compile(source, { dts: true, ...(runtime ? { runtime } : {}) }).dts ?? ''
}

describe('the declarations of', () => {
  let project: TempProject
  /** TypeScript's messages about all modules and their users. */
  let problems: readonly string[] = []

  beforeAll(async () => {
    const files = cases.flatMap((one): [string, string][] => [
      [`${one.name}.d.ts`, declarations(one).replaceAll(".rip'", ".js'").replaceAll('.rip"', '.js"')],
      [`${one.name}.user.ts`, one.user.trimStart()],
    ])
    project = tempProject({
      ...Object.fromEntries(files),
      'package.json': '{"type":"module"}',
      'tsconfig.json': JSON.stringify(CONFIG),
    })
    mkdirSync(project.path('node_modules/@rip'), { recursive: true })
    symlinkSync(PACKAGE, project.path('node_modules/@rip/transpile'))
    const child = Bun.spawn([process.execPath, TYPESCRIPT, '-p', '.', '--pretty', 'false'], {
      cwd: project.root,
      stdout: 'pipe',
    })
    const text = await new Response(child.stdout).text()
    // The runtime's sources, which reactive modules import, need types of Bun and are checked elsewhere.
    problems = text.split('\n').filter((line) => line.includes('error TS') && !line.startsWith('..'))
  }, TYPESCRIPT_TIMEOUT_MS)

  afterAll(() => project[Symbol.dispose]())

  for (const one of cases) {
    test(`${one.name} are as expected`, () => {
      expect(`\n${declarations(one)}`).toBe(`\n${one.dts.trimStart()}`)
    })

    test(`${one.name} are valid for TypeScript`, () => {
      const own = [`${one.name}.d.ts`, `${one.name}.user.ts`]
      expect(problems.filter((line) => own.some((file) => line.startsWith(`${file}(`)))).toEqual([])
    })
  }

  test('TypeScript reports nothing else', () => {
    expect(problems).toEqual([])
  })
})

test('source without types gets declarations on request only', () => {
  expect(compile('export a = 1\n').dts).toBeUndefined()
  expect(compile('export a = 1\n', { dts: true }).dts).toBe('export const a: number;\n')
  expect(compile('export a: number = 1\n', { dts: false }).dts).toBeUndefined()
})

test('a module that exports nothing is a module for TypeScript, too', () => {
  expect(compile("import 'node:os'\n", { dts: true }).dts).toBe('export {};\n')
})

test('the code does not import names that only types use', () => {
  const source =
    "import ref, { Unit } from 'a'\nimport { type Id, make } from 'b'\nimport { Only } from 'c'\nunits: Unit[] = []\none: Only = make ref\n"
  const { code, dependencies } = compile(source)
  expect(code).toStartWith('import ref from "a";\nimport { make } from "b";\n\nconst units')
  expect(dependencies).toEqual(['a', 'b'])
})
