import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { compileTo } from '../../src/command/compile-to.ts'
import { compile } from '../../src/compiler/index.ts'
import { BUILDER, REGISTER, runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'

const SHOP = {
  'address.rip': 'export Address = schema :shape\n  street! string\n  line: ~> "#{@street}!"\n',
  'main.rip': `import './address.rip'
Order = schema
  address! Address
p Order.parse(address: {street: "s"}).address.line
try
  Order.parse {}
catch e
  p e instanceof SchemaError
`,
}
const PRINTED = 's!\ntrue\n'

test('the schema runtime is found where no package is installed, and modules share the registry', async () => {
  using project = tempProject(SHOP)
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout + run.stderr).toBe(PRINTED)
})

test('it is found from a snapshot, too', async () => {
  using project = tempProject(SHOP)
  await runBun([BUILDER, '--root', project.root, '--out', project.path('.snapshot')], { cwd: project.root })
  const env = { RIP_SNAPSHOT: project.path('.snapshot') }
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root, env })
  expect(run.stdout + run.stderr).toBe(PRINTED)
})

test('a folder of results contains it', async () => {
  using project = tempProject(SHOP)
  await compileTo(
    { cwd: project.root, inputs: ['.'], outDir: 'out' },
    { out: () => {}, report: () => {}, readStdin: async () => '' },
  )
  expect(existsSync(project.path('out/rip-schema.js'))).toBe(true)
  expect(readFileSync(project.path('out/main.js'), 'utf8')).not.toContain('@rip/')
  const run = await runBun(['out/main.js'], { cwd: project.root })
  expect(run.stdout + run.stderr).toBe(PRINTED)
})

test('a program without schemas does not get it', () => {
  for (const source of [
    'schema = 1\nschema',
    'x = a.SchemaError',
    'SchemaError = 1',
    'f = ({SchemaError}) -> 1',
  ])
    expect(compile(source).code).not.toContain('@rip/schema')
})

test('the schema names that a program uses are imported, even without a schema of its own', () => {
  expect(compile('registerCoercer "cents", (v) -> v').code).toStartWith(
    'import { registerCoercer } from "@rip/schema/runtime";',
  )
  expect(compile('schema.registerCoercer "cents", (v) -> v').code).toContain('import { schema }')
  expect(compile('try f() catch e then throw e if e instanceof SchemaError', { dialect: 3 }).code).toContain(
    'import { SchemaError }',
  )
})

/** A package of the reference implementation, which names the file of its schemas by path. */
const REFERENCE = {
  'node_modules/rip/package.json': '{"name": "rip", "version": "4.0.0"}',
  'node_modules/rip/src/runtime/schema.js': 'throw new Error("a second registry")\n',
  'node_modules/rip/packages/validate/validate.rip':
    "import { registerCoercer } from '../../src/runtime/schema.js'\nregisterCoercer 'twice', (v) -> v * 2\n",
  'main.rip': "import 'rip/packages/validate/validate.rip'\nX = schema; a! ~:twice\np X.parse(a: 4).a\n",
}

test('code that imports the schemas of the reference implementation by path shares the registry', async () => {
  using project = tempProject(REFERENCE)
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout + run.stderr).toBe('8\n')
})

test('a program that reads the runtime from the process finds it, in any order of loading', async () => {
  using project = tempProject({
    'validate.rip':
      "register = globalThis.__ripSchema?.__schemaRegisterCoercer\nregister 'thrice', ((v) -> v * 3) if register\n",
    'shop.rip': 'export X = schema; a! ~:thrice\n',
    'main.rip': "import './validate.rip'\nimport { X } from './shop.rip'\np X.parse(a: 4).a\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout + run.stderr).toBe('12\n')
})

test('a file of that name in another project is left alone', async () => {
  using project = tempProject({
    'src/runtime/schema.js': 'export const own = 1\n',
    'package.json': '{"name": "other"}',
    'main.rip': "import { own } from './src/runtime/schema.js'\np own\n",
  })
  const run = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(run.stdout + run.stderr).toBe('1\n')
})

test('an error in a function of a schema has its name and line in the stack', async () => {
  using project = tempProject({
    'main.rip': `X = schema :shape
  a! string
  boom: ~>
    throw new Error 'here'
    1
  run: ->
    @boom
    1

try
  X.parse(a: 'x').run()
  1
catch e
  p e.stack
`,
  })
  const { stdout } = await runBun(['--preload', REGISTER, 'main.rip'], { cwd: project.root })
  expect(stdout).toMatch(/at boom \(.*main\.rip:4:11\)\n\s+at run \(.*main\.rip:7:5\)\n\s+at .*main\.rip:11:/)
})

test('under --hot a changed schema replaces the previous one', async () => {
  const program = (type: string): string =>
    `X = schema; a! ${type}\np "${type}", X.ok(a: 1)\nsetInterval noop, 1000\n`
  using project = tempProject({ 'main.rip': program('integer') })
  const child = Bun.spawn([process.execPath, '--hot', '--preload', REGISTER, 'main.rip'], {
    cwd: project.root,
    env: { ...process.env, RIP_CACHE: 'off' },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  // Saved again and again: Bun may begin to watch a moment after it printed.
  let saving: Timer | undefined
  let printed = ''
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += chunk
    saving ??= setInterval(() => project.write({ 'main.rip': program('string') }), 200)
    if (printed.includes('string')) break
  }
  clearInterval(saving)
  child.kill()
  await child.exited
  expect(printed).toStartWith('integer true\nstring false\n')
})
