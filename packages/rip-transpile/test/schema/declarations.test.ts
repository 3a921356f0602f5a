import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compile } from '../../src/compiler/index.ts'
import { tempProject } from '../temp-project.ts'
import type { TempProject } from '../temp-project.ts'

const SCHEMA_PACKAGE = fileURLToPath(new URL('../../../rip-schema', import.meta.url))
const TYPESCRIPT = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))
const TYPESCRIPT_TIMEOUT_MS = 60_000

const SOURCE = `
import { Country } from './country.js'
Stamps = schema :mixin
  createdAt! datetime
export Role = schema
  :admin
  :user 2
export Address = schema :shape
  @mixin Stamps
  street!  string, 1..200
  city?    string
  size     "s" | "m", [:s]
  tags!    string[]
  role!    Role
  country? Country
  unknown? Elsewhere
  full:   ~> "#{@street}, #{@city}"
  same:   ~> @street
  label:  !> @street.length
  add: (other: Address, times = 1): number -> times
export Public = Address.pick("street", "city").partial().extend(schema :shape; more! integer)
Click = schema :shape; kind! "click"; x! integer
Scroll = schema :shape; kind! "scroll"
export Event = schema :union
  @on :kind
  Click
  Scroll
export Tree = schema :shape
  value! integer
  children? Tree[]
export default schema; token! uuid
`

const DECLARATIONS = `
import { Country } from "./country.js";
type Stamps = { createdAt: Date };
declare const Stamps: import('@rip/schema').MixinSchema<Stamps>;
export type Role = "admin" | 2;
export const Role: import('@rip/schema').EnumSchema<Role>;
export type AddressData = { street: string; city?: string | null; size: "s" | "m"; tags: string[]; role: Role; country?: Country | null; unknown?: any } & Stamps;
export type Address = AddressData & { readonly full: string; readonly same: string; label: any; add: (other: Address, times?: number) => number };
export const Address: import('@rip/schema').Schema<Address, AddressData>;
export type Public = Partial<Pick<AddressData, "street" | "city">> & { more: number };
export const Public: import('@rip/schema').Schema<Public>;
type Click = { kind: "click"; x: number };
declare const Click: import('@rip/schema').Schema<Click>;
type Scroll = { kind: "scroll" };
declare const Scroll: import('@rip/schema').Schema<Scroll>;
export type Event = Click | Scroll;
export const Event: import('@rip/schema').UnionSchema<Event>;
export type Tree = { value: number; children?: Tree[] | null };
export const Tree: import('@rip/schema').Schema<Tree>;
declare const _default: import('@rip/schema').Schema<{ token: string }>;
export default _default;
export {};
`

const USER = `
import Token, { Address, Event, Public, Role, Tree } from './schemas.js'
const address: Address = Address.parse({})
const text: string = address.full + address.street
const size: 's' | 'm' = address.size
const created: Date = address.createdAt
const count: number = address.add(address)
const result = Address.safe({})
if (result.ok) void result.value.tags.map((tag) => tag.length)
else void result.errors.map(({ field, message }) => field + message)
const shown: Public = Public.parse({})
const more: number = shown.more
const city: string | null | undefined = shown.city
const role: Role = Role.parse('admin')
const event = Event.parse({})
const x: number = event.kind === 'click' ? event.x : 0
const leaf: Tree | undefined = Tree.parse({}).children?.[0]
const token: string = Token.parse({}).token
const slim = Address.pick('street').parse({})
const many: Address[] = Address.array.parse([])
const waited: Promise<Address> = Address.parseAsync({})
const standard: StandardSchemaV1<AddressIn, Address> = Address
type AddressIn = NonNullable<(typeof Address)['~standard']['types']>['input']
/** As https://standardschema.dev declares it. */
interface StandardSchemaV1<Input, Output> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (
      value: unknown,
    ) => Result<Output> | Promise<Result<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}
type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined }[] }
void [text, size, created, count, more, city, role, x, leaf, token, many, waited, standard]
// @ts-expect-error no such field
void slim.city
// @ts-expect-error a computed value is read only
address.full = ''
// @ts-expect-error no such key
Address.omit('nope')
// @ts-expect-error not in the enum
const wrong: Role = 'user'
`

const CONFIG = {
  compilerOptions: {
    target: 'esnext',
    module: 'nodenext',
    lib: ['esnext'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    customConditions: ['@rip/source'],
  },
  include: ['*.ts'],
}

let project: TempProject

beforeAll(() => {
  project = tempProject({
    'schemas.d.ts': compile(SOURCE.trimStart()).dts ?? '',
    'country.d.ts': 'export interface Country { code: string }\nexport const Country: unknown\n',
    'user.ts': USER.trimStart(),
    'package.json': '{"type":"module"}',
    'tsconfig.json': JSON.stringify(CONFIG),
  })
  mkdirSync(project.path('node_modules/@rip'), { recursive: true })
  symlinkSync(SCHEMA_PACKAGE, project.path('node_modules/@rip/schema'))
})

afterAll(() => project[Symbol.dispose]())

test('schemas are declared with the types of their values', () => {
  expect(`\n${compile(SOURCE.trimStart()).dts}`).toBe(DECLARATIONS)
})

test(
  'TypeScript knows the values of schemas, and accepts schemas as Standard Schemas',
  async () => {
    const child = Bun.spawn([process.execPath, TYPESCRIPT, '-p', '.', '--pretty', 'false'], {
      cwd: project.root,
      stdout: 'pipe',
    })
    const text = await new Response(child.stdout).text()
    // The package's sources need types of Bun and are checked elsewhere.
    expect(text.split('\n').filter((line) => line.includes('error TS') && !line.startsWith('..'))).toEqual([])
  },
  TYPESCRIPT_TIMEOUT_MS,
)
