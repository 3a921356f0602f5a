import { expect, test } from 'bun:test'
import { rmSync, symlinkSync } from 'node:fs'
import { BUILDER, REGISTER, runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'
import type { TempProject } from '../temp-project.ts'

async function snapshotOf(files: Readonly<Record<string, string>>): Promise<TempProject> {
  const project = tempProject(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [`app/${path}`, text])),
  )
  const built = await runBun([BUILDER, '--root', project.path('app'), '--out', project.path('snap')], {
    cwd: project.root,
  })
  if (built.code !== 0) throw new Error(built.stdout)
  return project
}

async function run(project: TempProject, entry: string): Promise<string> {
  const env = { RIP_SNAPSHOT: project.path('snap') }
  const { code, stdout, stderr } = await runBun(['--preload', REGISTER, entry], {
    cwd: project.path('app'),
    env,
  })
  return code === 0 ? stdout : `exit ${code}: ${stderr}`
}

test.each([
  ['.rip', 'a.rip', "export a = 'old'\n", "export a = 'new'\n"],
  ['.ts', 'a.ts', "export const a: string = 'old'\n", "export const a: string = 'new'\n"],
  ['.tsx', 'a.tsx', "export const a = 'old' as string\n", "export const a = 'new' as string\n"],
  ['.js', 'a.js', "export const a = 'old'\n", "export const a = 'new'\n"],
  ['.mjs', 'a.mjs', "export const a = 'old'\n", "export const a = 'new'\n"],
  ['.json', 'a.json', '{"a": "old"}', '{"a": "new"}'],
  ['.cjs', 'a.cjs', "exports.a = 'old'\n", "exports.a = 'new'\n"],
  ['CommonJS .js', 'a.js', "module.exports = { a: 'old' }\n", "module.exports = { a: 'new' }\n"],
])('%s modules keep running the old code after their file changed', async (_, file, before, after) => {
  using project = await snapshotOf({
    [file]: before,
    'main.rip': `import { a } from './${file}'\nconsole.log a\n`,
  })
  project.write({ [`app/${file}`]: after, 'app/main.rip': "console.log 'new main'\n" })
  expect(await run(project, './main.rip')).toBe('old\n')
})

test('a module whose file was removed still loads', async () => {
  using project = await snapshotOf({
    'lib/a.rip': "export a = 'old'\n",
    'main.ts': "import { a } from './lib/a.rip'\nconsole.log(a, (await import('./lib/a.rip')).a)\n",
  })
  rmSync(project.path('app/lib/a.rip'))
  expect(await run(project, './main.ts')).toBe('old old\n')
})

test('packages, nested imports, top-level await and import.meta work as from disk', async () => {
  using project = await snapshotOf({
    'node_modules/dep/package.json': '{"name":"dep","main":"index.js"}',
    'node_modules/dep/index.js': "module.exports = 'dep'\n",
    'lib/b.ts': "import data from './data.json'\nexport const b: number = data.n\n",
    'lib/data.json': '{"n": 1}',
    'main.rip': [
      "import dep from 'dep'",
      "import { b } from './lib/b'",
      "import { join } from 'node:path'",
      'late = await Promise.resolve 2',
      "{ default: data } = await import('./lib/data.json')",
      'console.log dep, b, late, data.n, import.meta.dir, import.meta.path is join(import.meta.dir, "main.rip")',
      '',
    ].join('\n'),
  })
  project.write({
    'app/lib/data.json': '{"n": 99}',
    'app/node_modules/dep/index.js': "module.exports = 'new'\n",
  })
  expect(await run(project, './main.rip')).toBe(`new 1 2 1 ${project.path('app')} true\n`)
})

test('JSON is read as Bun reads it: package.json with comments, any file with a byte order mark', async () => {
  using project = await snapshotOf({
    'main.ts':
      "import p from './package.json'\nimport t from './tsconfig.json'\nimport d from './data.json'\n" +
      'console.log(p.name, t.files.length, d.n)\n',
    'package.json': '\uFEFF{ "name": "x", }',
    'tsconfig.json': '{ /* none */ "files": [], }',
    'data.json': '\uFEFF{ "n": 1 }',
  })
  expect(await run(project, 'main.ts')).toBe('x 0 1\n')
})

test('CommonJS modules see each other, their path and JSON as in Node', async () => {
  using project = await snapshotOf({
    'main.cjs':
      "const { b } = require('./b.cjs')\nconst data = require('./data.json')\nconsole.log(b, data, __dirname)\n",
    'b.cjs': "const { basename } = require('node:path')\nexports.b = basename(__filename)\n",
    'data.json': '{"n": 1}',
  })
  rmSync(project.path('app/data.json'))
  expect(await run(project, './main.cjs')).toBe(`b.cjs {\n  n: 1,\n} ${project.path('app')}\n`)
})

test('a module that was added later comes from disk', async () => {
  using project = await snapshotOf({
    'main.rip': "{ a } = await import('./added.rip')\n{ b } = await import('./added.ts')\nconsole.log a, b\n",
  })
  project.write({ 'app/added.rip': 'export a = 1\n', 'app/added.ts': 'export const b: number = 2\n' })
  expect(await run(project, './main.rip')).toBe('1 2\n')
})

test('stack traces keep naming lines of the source the snapshot was built from', async () => {
  using project = await snapshotOf({
    'a.ts':
      'interface A {\n  a: string\n}\n\nexport function f(_: A | null): never {\n  throw new Error()\n}\n',
    'b.rip': "import { f } from './a.ts'\n\nexport g = ->\n  f null\n  return\n",
    'main.rip': "import { g } from './b.rip'\ntry\n  g()\ncatch error\n  console.log error.stack\n",
  })
  project.write({ 'app/a.ts': '', 'app/b.rip': '' })
  const stack = await run(project, './main.rip')
  expect(stack).toContain('a.ts:6:')
  expect(stack).toContain('b.rip:4:3')
  expect(stack).toContain('main.rip:3:3')
})

test('a folder without a snapshot is refused', async () => {
  using project = tempProject({ 'app/main.rip': 'a = 1\n' })
  expect(await run(project, './main.rip')).toContain('exit 1')
})

test('JSX is compiled as the project says', async () => {
  using project = await snapshotOf({
    'tsconfig.json': '{"compilerOptions":{"jsx":"react-jsx","jsxImportSource":"tiny"}}',
    'node_modules/tiny/package.json':
      '{"name":"tiny","exports":{"./jsx-dev-runtime":"./jsx.js","./jsx-runtime":"./jsx.js"}}',
    'node_modules/tiny/jsx.js': 'export const jsx = (tag) => `<${tag}>`\nexport const jsxDEV = jsx\n',
    'page.tsx': 'export const page: string = (<p />) as unknown as string\n',
    'main.rip': "import { page } from './page.tsx'\nconsole.log page\n",
  })
  rmSync(project.path('app/page.tsx'))
  expect(await run(project, './main.rip')).toBe('<p>\n')
})

test('folders may have any name', async () => {
  using project = await snapshotOf({
    'a (b) [c] + $d/e.rip': "export e = 'old'\n",
    'main.rip': "import { e } from './a (b) [c] + $d/e.rip'\nconsole.log e\n",
  })
  project.write({ 'app/a (b) [c] + $d/e.rip': "export e = 'new'\n" })
  expect(await run(project, './main.rip')).toBe('old\n')
})

test('a release behind a link stays the one that the snapshot was made from', async () => {
  using project = tempProject({
    'releases/1/index.rip': "import { a } from './a.rip'\nconsole.log a, import.meta.dir\n",
    'releases/1/a.rip': 'export a = 1\n',
    'releases/2/index.rip': "import { a } from './a.rip'\nconsole.log a, import.meta.dir\n",
    'releases/2/a.rip': 'export a = 2\n',
  })
  symlinkSync('releases/1', project.path('current'))
  await runBun([BUILDER, '--root', project.path('current'), '--out', project.path('snap')], {
    cwd: project.root,
  })
  rmSync(project.path('current'))
  symlinkSync('releases/2', project.path('current'))
  project.write({ 'start.ts': `await import(${JSON.stringify(project.path('current/index.rip'))})\n` })
  const started = await runBun(['--preload', REGISTER, 'start.ts'], {
    cwd: project.root,
    env: { RIP_SNAPSHOT: project.path('snap') },
  })
  expect(started.stdout).toBe(`1 ${project.path('releases/1')}\n`)
})

test('a process that runs from a snapshot needs no compiler', async () => {
  using project = await snapshotOf({ 'main.rip': "console.log 'compiled before'\n" })
  project.write({ 'app/package.json': '{"rip":{"compiler":"rip-lang"}}' })
  expect(await run(project, './main.rip')).toBe('compiled before\n')
})

test('a syntax error in JavaScript or JSON names its file', async () => {
  using project = await snapshotOf({
    'bad.js': 'module.exports = {\n  a: 1,,\n}\n',
    'bad.json': '{ "a": 1, }}',
    'main.rip': "import './bad.js'\n",
    'data.rip': "import './bad.json'\n",
  })
  expect(await run(project, './main.rip')).toContain('bad.js:2:')
  expect(await run(project, './data.rip')).toContain('bad.json is not valid JSON')
})
