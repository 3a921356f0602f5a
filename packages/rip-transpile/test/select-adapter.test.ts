import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { projectCompiler } from '../src/project-compiler.ts'
import { selectAdapter } from '../src/index.ts'
import { RIP_LANG_3 } from './adapters/fake-rip-lang.ts'
import { tempProject } from './temp-project.ts'

const OWN_ROOT = fileURLToPath(new URL('..', import.meta.url))

const COFFEESCRIPT = {
  'node_modules/coffeescript/package.json': '{"name":"coffeescript","version":"2.99.0","main":"index.js"}',
  'node_modules/coffeescript/index.js': '',
}

test('package.json chooses the compiler, also for folders inside the project', () => {
  using project = tempProject({ 'package.json': '{"rip":{"compiler":"rip-lang"}}', 'src/a.rip': '' })
  expect(projectCompiler(project.root, {})).toBe('rip-lang')
  expect(projectCompiler(project.path('src'), {})).toBe('rip-lang')
})

test.each([
  '\uFEFF{"rip":{"compiler":"rip-lang"}}',
  '{"rip":{"compiler":"rip-lang",},}',
  '{/* */"rip":{"compiler":"rip-lang"}}',
])('package.json is read as Bun reads it: %j', (manifest) => {
  using project = tempProject({ 'package.json': manifest })
  expect(projectCompiler(project.root, {})).toBe('rip-lang')
})

test('the environment wins over package.json', () => {
  using project = tempProject({ 'package.json': '{"rip":{"compiler":"rip-lang"}}' })
  expect(projectCompiler(project.root, { RIP_COMPILER: 'coffeescript' })).toBe('coffeescript')
})

test('the nearest package.json decides, even without a choice', () => {
  using project = tempProject({
    'package.json': '{"rip":{"compiler":"rip-lang"}}',
    'inner/package.json': '{"name":"inner"}',
  })
  expect(projectCompiler(project.path('inner'), {})).toBeUndefined()
})

test('a package.json that cannot be read makes no choice', () => {
  using project = tempProject({ 'package.json': '{', 'package.json.bak': '' })
  expect(projectCompiler(project.root, {})).not.toBe('rip-lang')
})

test('the choice applies to .rip files; other languages have their own compiler', () => {
  using project = tempProject({
    ...RIP_LANG_3,
    ...COFFEESCRIPT,
    'package.json': '{"rip":{"compiler":"rip-lang"}}',
  })
  expect(selectAdapter({ root: project.root }).name).toBe('rip-lang')
  expect(selectAdapter({ root: project.root, extension: '.coffee' }).name).toBe('coffeescript')
})

test('a name given in code wins over everything', () => {
  using project = tempProject({
    ...RIP_LANG_3,
    ...COFFEESCRIPT,
    'package.json': '{"rip":{"compiler":"rip-lang"}}',
  })
  expect(selectAdapter({ root: project.root, name: 'coffeescript' }).name).toBe('coffeescript')
})

test('an unknown compiler is refused with a list of the known ones', () => {
  expect(() => selectAdapter({ name: 'coffee' })).toThrow(/no compiler named 'coffee'.*coffeescript/)
})

test('a project without a choice gets the compiler of this package, and no other', () => {
  using project = tempProject({ 'package.json': '{}' })
  expect(selectAdapter({ root: project.root }).name).toBe('rip')
  expect(() => selectAdapter({ root: project.root, extension: '.coffee' })).toThrow(
    `the compiler 'coffeescript' is not installed in ${project.root}; add it with: bun add --dev coffeescript@2.7.0`,
  )
})

test("the version is that of the project's installation", () => {
  using project = tempProject(COFFEESCRIPT)
  expect(selectAdapter({ root: project.root, name: 'coffeescript' }).version).toBe('2.99.0')
  expect(selectAdapter({ root: OWN_ROOT, name: 'coffeescript' }).version).toBe('2.7.0')
})
