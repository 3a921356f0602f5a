import { expect, test } from 'bun:test'
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import type { BuildReport } from '../../src/snapshot/build-report.ts'
import { BUILDER, REGISTER, runBun } from '../run-bun.ts'
import { tempProject, type TempProject } from '../temp-project.ts'

async function build(
  project: TempProject,
  { entry = 'app/main.ts', ...more }: { readonly entry?: string; readonly [field: string]: unknown } = {},
): Promise<BuildReport> {
  const request = {
    root: project.path('app'),
    out: project.path('run/snap'),
    packages: project.path('run/packages'),
    entry: project.path(entry),
    ...more,
  }
  const { stdout, stderr } = await runBun([BUILDER, '--request', '-'], {
    cwd: project.path('app'),
    stdin: JSON.stringify(request),
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as BuildReport
}

/** The output of the application when it is started from the snapshot. */
async function run(project: TempProject, entry = 'app/main.ts'): Promise<string> {
  project.write({ 'start.ts': `await import(${JSON.stringify(project.path(entry))})\n` })
  const { stdout, stderr } = await runBun(['--preload', REGISTER, project.path('start.ts')], {
    cwd: project.root,
    env: { RIP_SNAPSHOT: project.path('run/snap') },
  })
  return stdout || stderr
}

function belongings(project: TempProject, report: BuildReport): readonly string[] {
  const files = report.belongings?.files ?? []
  return files.map((path) => path.replace(`${project.root}/`, '')).toSorted()
}

const say = (value: string): string => `export const value = ${JSON.stringify(value)}\n`
const print = (specifier: string): string =>
  `import { value } from ${JSON.stringify(specifier)}\nconsole.log(value)\n`

test.each([
  ['a sibling folder', { 'shared/a.ts': say('old') }, '../shared/a', 'shared/a.ts'],
  [
    'a sibling folder, in Rip',
    { 'shared/a.rip': "export value = 'old'\n" },
    '../shared/a.rip',
    'shared/a.rip',
  ],
  ['a hidden folder', { 'app/.generated/a.ts': say('old') }, './.generated/a', 'app/.generated/a.ts'],
  ['a build folder', { 'app/dist/a.js': say('old') }, './dist/a.js', 'app/dist/a.js'],
  ['an index file', { 'shared/index.ts': say('old') }, '../shared', 'shared/index.ts'],
  [
    'a path alias',
    {
      'shared/a.ts': say('old'),
      'app/tsconfig.json': '{"compilerOptions":{"paths":{"@shared/*":["../shared/*"]}}}',
    },
    '@shared/a',
    'shared/a.ts',
  ],
  [
    'an import map of the package',
    { 'app/lib/a.ts': say('old'), 'app/package.json': '{"imports":{"#a":"./lib/a.ts"}}' },
    '#a',
    'app/lib/a.ts',
  ],
])('what is imported from %s is kept, and told', async (_, files, specifier, file) => {
  using project = tempProject({ ...files, 'app/main.ts': print(specifier) })
  const report = await build(project)
  expect(belongings(project, report)).toContain(file)
  project.write({ [file]: 'throw new Error("changed")\n' })
  expect(await run(project)).toBe('old\n')
  rmSync(project.path(file))
  rmSync(project.path('app/main.ts'))
  expect(await run(project)).toBe('old\n')
})

test('a linked folder and a linked workspace package count as code, by their real path', async () => {
  using project = tempProject({
    'shared/a.ts': say('linked'),
    'packages/util/package.json': '{"name":"util","exports":"./src/index.ts"}',
    'packages/util/src/index.ts': "export { inner as value } from './inner'\n",
    'packages/util/src/inner.ts': "export const inner = 'workspace'\n",
    'app/main.ts':
      "import { value } from './linked/a'\nimport { value as other } from 'util-package'\nconsole.log(value, other)\n",
  })
  mkdirSync(project.path('app/node_modules'))
  symlinkSync(project.path('packages/util'), project.path('app/node_modules/util-package'))
  symlinkSync('../shared', project.path('app/linked'))
  const report = await build(project)
  expect(belongings(project, report)).toEqual([
    'app/main.ts',
    'packages/util/package.json',
    'packages/util/src/index.ts',
    'packages/util/src/inner.ts',
    'shared/a.ts',
  ])
  for (const path of ['shared', 'packages', 'app']) rmSync(project.path(path), { recursive: true })
  mkdirSync(project.path('app'))
  expect(await run(project)).toBe('linked workspace\n')
})

test.each([
  ['.txt', 'text', 'old', 'new', ''],
  ['.toml', 'toml', 'a = "old"', 'a = "new"', ''],
  ['.yaml', 'yaml', 'a: old', 'a: new', ''],
  ['.jsonc', 'jsonc', '{ "a": "old" /* b */ }', '{ "a": "new" }', ''],
  ['.json', 'json', '{ "a": "old" }', '{ "a": "new" }', ''],
  ['.json', 'json with its type', '{ "a": "old" }', '{ "a": "new" }', " with { type: 'json' }"],
  ['.sql', 'any text', 'select old', 'select new', " with { type: 'text' }"],
  ['.html', 'a page as text', '<p>old</p>', '<p>new</p>', " with { type: 'text' }"],
  ['.js', 'code as text', 'export const old = 1', 'export const changed = 1', " with { type: 'text' }"],
])(
  'a file with the ending %s, imported as %s, has the same content from the snapshot',
  async (ending, _, before, after, attributes) => {
    using project = tempProject({
      [`shared/a${ending}`]: before,
      'app/main.ts': `import a from '../shared/a${ending}'${attributes}\nconsole.log(JSON.stringify(a))\n`,
    })
    const plain = await runBun([project.path('app/main.ts')], { cwd: project.root })
    expect((await build(project)).ok).toBe(true)
    project.write({ [`shared/a${ending}`]: after })
    expect(await run(project)).toBe(plain.stdout)
    rmSync(project.path(`shared/a${ending}`))
    expect(await run(project)).toBe(plain.stdout)
  },
)

test('only imported files have to compile; files that code may pick are reported, and other files are content', async () => {
  using project = tempProject({
    'app/main.rip':
      "import { a } from './a.rip'\nconsole.log a\nconsole.log (await import('./pick/' + 'one.rip')).one\n",
    'app/a.rip': 'export a = 1\n',
    'app/pick/one.rip': 'export one = 2\n',
    'app/pick/other.rip': 'nonsense = (\n',
    'app/component.rip': 'also nonsense = (\n',
  })
  const report = await build(project, { entry: 'app/main.rip' })
  expect(report).toMatchObject({ ok: true, files: 3 })
  expect(report.ok && report.doubts.map((doubt) => /(\w+\.rip:\d+)/.exec(doubt)?.[1])).toEqual([
    'other.rip:1',
  ])
  rmSync(project.path('app/pick'), { recursive: true })
  expect(await run(project, 'app/main.rip')).toBe('1\n2\n')
})

test('an imported file that does not compile is a failure, anywhere, and the report lists the files that belong together', async () => {
  using project = tempProject({
    'app/main.ts': "import '../shared/broken.rip'\n",
    'shared/broken.rip': 'nonsense = (\n',
  })
  const report = await build(project)
  expect(report).toMatchObject({ ok: false, failure: { file: project.path('shared/broken.rip'), line: 1 } })
  expect(belongings(project, report)).toContain('shared/broken.rip')
})

test('workers and files found by their URL belong to the application; a missing one does not fail the build', async () => {
  using project = tempProject({
    'shared/worker.ts': 'export {}\n',
    'shared/other.ts': 'export {}\n',
    'shared/image.png': 'png',
    'app/main.ts': [
      "new Worker(new URL('../shared/worker.ts', import.meta.url)).terminate()",
      "import image from '../shared/image.png'",
      "try { require('../shared/nowhere') } catch {}",
      "console.log(image.length > 0, import.meta.resolve('../shared/other.ts').length > 0)",
      '',
    ].join('\n'),
  })
  const report = await build(project)
  expect(belongings(project, report)).toEqual([
    'app/main.ts',
    'shared/image.png',
    'shared/other.ts',
    'shared/worker.ts',
  ])
})

test('a thread also runs the code of the snapshot, in Rip too', async () => {
  using project = tempProject({
    'shared/thread.rip': "import { value } from './value'\npostMessage value\n",
    'shared/value.ts': say('old'),
    'app/main.ts': [
      "const thread = new Worker(new URL('../shared/thread.rip', import.meta.url))",
      'thread.onmessage = ({ data }) => { console.log(data); thread.terminate() }',
      'thread.onerror = ({ message }) => { console.log(message); thread.terminate() }',
      '',
    ].join('\n'),
  })
  await build(project)
  project.write({ 'shared/value.ts': say('new') })
  expect(await run(project)).toBe('old\n')
  rmSync(project.path('shared/value.ts'))
  expect(await run(project)).toBe('old\n')
})

const packaged = {
  'app/node_modules/dep/package.json':
    '{"name":"dep","version":"1.0.0","exports":{"import":"./esm.mjs","require":"./cjs.js"}}',
  'app/node_modules/dep/esm.mjs':
    "import { inner } from 'inner'\nimport { deep } from './lib/deep.mjs'\nexport const value = 'esm ' + inner + deep\n",
  'app/node_modules/dep/lib/deep.mjs': "export const deep = ' deep'\n",
  'app/node_modules/dep/cjs.js':
    "exports.value = 'cjs ' + require('inner').inner + require('./lib/shallow')\n",
  'app/node_modules/dep/lib/shallow.js': "module.exports = ' shallow'\n",
  'app/node_modules/inner/package.json': '{"name":"inner","version":"1.0.0","main":"main"}',
  'app/node_modules/inner/main.js': "exports.inner = 'inner'\n",
  'app/node_modules/unused/index.js': 'exports.a = 1\n',
  'app/main.ts': "import { value } from 'dep'\nimport other from './other.cjs'\nconsole.log(value, other)\n",
  'app/other.cjs': "module.exports = require('dep').value\n",
}

test('a package that changed, broke or was removed since runs as it was', async () => {
  using project = tempProject(packaged)
  const report = await build(project)
  const served = 'esm inner deep cjs inner shallow\n'
  const set = JSON.parse(readFileSync(`${report.belongings?.packages}/packages.json`, 'utf8')) as object
  expect(
    Object.keys(set)
      .map((path) => path.replace(project.path('app/node_modules/'), ''))
      .toSorted(),
  ).toEqual([
    'dep/cjs.js',
    'dep/esm.mjs',
    'dep/lib/deep.mjs',
    'dep/lib/shallow.js',
    'dep/package.json',
    'inner/main.js',
    'inner/package.json',
  ])
  expect(await run(project)).toBe(served)
  project.write({ 'app/node_modules/inner/main.js': 'throw new Error("broken")\n' })
  expect(await run(project)).toContain(served)
  project.write({
    'app/node_modules/dep/package.json': '{"name":"dep","exports":"./new.js"}',
    'app/node_modules/dep/new.js': '',
  })
  expect(await run(project)).toContain(served)
  renameSync(project.path('app/node_modules'), project.path('app/away'))
  expect(await run(project)).toContain(served)
})

test('if the application picks modules itself, the packages of all modules that may run are kept, but none of tests', async () => {
  const files = {
    'app/main.ts':
      "const router = new Bun.FileSystemRouter({ dir: import.meta.dir + '/routes', style: 'nextjs' })\nconsole.log((await import(router.match('/a').filePath)).value)\n",
    'app/routes/a.ts': "export { value } from 'one'\n",
    'app/routes/a.test.ts': "import 'two'\n",
    'app/node_modules/one/package.json': '{"name":"one"}',
    'app/node_modules/one/index.js': "exports.value = 'old'\n",
    'app/node_modules/two/package.json': '{"name":"two"}',
    'app/node_modules/two/index.js': '',
  }
  using project = tempProject(files)
  const report = await build(project)
  const set = JSON.parse(readFileSync(`${report.belongings?.packages}/packages.json`, 'utf8')) as object
  expect(Object.keys(set).toSorted()).toEqual(
    ['index.js', 'package.json'].map((name) => project.path(`app/node_modules/one/${name}`)),
  )
  project.write({ 'app/node_modules/one/index.js': 'throw new Error("broken")\n' })
  expect(await run(project)).toContain('old\n')
})

test('a known set of packages is not read again, and an unused one is left out', async () => {
  using project = tempProject(packaged)
  const first = await build(project)
  const earlierPackages = first.belongings?.packages
  project.write({ 'app/node_modules/inner/main.js': "exports.inner = 'changed'\n" })
  const same = await build(project, { earlierPackages, packagesUnchanged: true })
  expect(same.belongings?.packages).toBe(earlierPackages)
  rmSync(project.path('run/packages'), { recursive: true })
  const again = await build(project, { earlierPackages, packagesUnchanged: true })
  expect(again.belongings?.packages).toBeDefined()
  const read = await build(project, { earlierPackages })
  expect(read.belongings?.packages).not.toBe(earlierPackages)
  project.write({ 'app/main.ts': 'console.log(1)\n', 'app/other.cjs': '' })
  expect(
    (await build(project, { earlierPackages, packagesUnchanged: true })).belongings?.packages,
  ).toBeUndefined()
})
