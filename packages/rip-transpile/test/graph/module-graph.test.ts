import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import fc from 'fast-check'
import { CompileError } from '../../src/compile-error.ts'
import { ModuleGraph } from '../../src/graph/module-graph.ts'
import { ReferenceMemory } from '../../src/graph/reference-memory.ts'
import { referencesOf } from '../../src/graph/references.ts'
import { selectAdapter } from '../../src/select-adapter.ts'
import { tempProject } from '../temp-project.ts'

const PLACES = [
  'app/a.ts',
  'app/b.rip',
  'app/lib/c.js',
  'app/dist/d.cjs',
  'app/.hidden/e.ts',
  'shared/f.ts',
  'shared/deep/g.rip',
  'shared/h.mjs',
  'app/node_modules/one/index.js',
  'node_modules/two/lib/index.mjs',
] as const

type Way = 'static' | 'dynamic' | 'required' | 'reexported' | 'address'

test('a file that is not imported may have any content, also when the compiler is a copy of its own', async () => {
  const text = readFileSync(new URL('../../src/compile-error.ts', import.meta.url), 'utf8')
  using project = tempProject({ 'a.rip': 'a = 1\n', 'b.rip': 'b = (\n', 'copy.ts': text })
  const copy = (await import(project.path('copy.ts'))) as { CompileError: typeof CompileError }
  expect(copy.CompileError).not.toBe(CompileError)
  const graph = new ModuleGraph({
    root: project.root,
    adapterFor: () => ({
      ...selectAdapter({ name: 'rip' }),
      compile(source, { filename = '' } = {}) {
        if (source.includes('('))
          throw new copy.CompileError({ reason: 'no', filename, source, start: 0, end: 1 })
        return { code: source, dependencies: [] }
      },
    }),
  })
  await graph.add([project.path('a.rip')], 'imported')
  await graph.add([project.path('b.rip')], 'lying')
  expect([graph.errors, graph.doubts]).toEqual([[], []])
  expect([...graph.modules.keys()]).toEqual([project.path('a.rip')])
})

test('the files of a module are also its tsconfig.json, wherever that is, and what this extends', async () => {
  using project = tempProject({
    'app/a.ts': "import './deep/b.ts'\nimport '../other/c.ts'\n",
    'app/deep/b.ts': '',
    'app/deep/jsconfig.json': '\ufeff{ "extends": ["../../gone", "./own"], /* and */ }',
    'app/deep/own.json': '{ "extends": "./jsconfig.json" }',
    'other/c.ts': '',
    'other/tsconfig.json': '{ half a file',
    'tsconfig.json': '{ "extends": "package/tsconfig.json" }',
    'unused/tsconfig.json': '{}',
  })
  const graph = new ModuleGraph({
    root: project.path('app'),
    adapterFor: () => selectAdapter({ name: 'rip' }),
  })
  await graph.add([project.path('app/a.ts')], 'imported')
  expect([...graph.others].map((path) => relative(project.root, path)).toSorted()).toEqual([
    'app/deep/jsconfig.json',
    'app/deep/own.json',
    'gone.json',
    'other/tsconfig.json',
    'tsconfig.json',
  ])
})

interface Edge {
  readonly from: number
  readonly to: number
  readonly way: Way
}

const edges: fc.Arbitrary<readonly Edge[]> = fc.array(
  fc.record({
    from: fc.nat(PLACES.length - 1),
    to: fc.nat(PLACES.length - 1),
    way: fc.constantFrom<Way>('static', 'dynamic', 'required', 'reexported', 'address'),
  }),
  { maxLength: 25 },
)

function code(place: string, targets: readonly Edge[]): string {
  const isCommonjs = place.endsWith('.cjs')
  const lines = targets.map(({ to, way }, index) => {
    const path = relative(dirname(place), PLACES[to]!)
    const specifier = JSON.stringify(path.startsWith('../') ? path : `./${path}`)
    if (isCommonjs || way === 'required') return `const r${index} = require(${specifier})`
    if (way === 'dynamic') return `const d${index} = import(${specifier})`
    if (place.endsWith('.rip')) return `import * as s${index} from ${specifier}\nu${index} = s${index}`
    if (way === 'reexported') return `export * from ${specifier}`
    if (way === 'address') return `const u${index} = new URL(${specifier}, import.meta.url)`
    return `import * as s${index} from ${specifier}\nconsole.log(s${index})`
  })
  const text = lines.join('\n')
  return place.endsWith('.rip') ? text.replaceAll(/\bconst /g, '') : text
}

function reachable(all: readonly Edge[]): Set<string> {
  const found = new Set([0])
  for (const from of found) for (const edge of all) if (edge.from === from) found.add(edge.to)
  return new Set([...found].map((index) => PLACES[index]!))
}

test('the modules of an application are those that its entry reaches, by any kind of import, cycles included', async () => {
  await fc.assert(
    fc.asyncProperty(edges, async (all) => {
      using project = tempProject(
        Object.fromEntries(
          PLACES.map((place, index) => [
            place,
            code(
              place,
              all.filter(({ from }) => from === index),
            ),
          ]),
        ),
      )
      const graph = new ModuleGraph({
        root: project.path('app'),
        adapterFor: (extension) => selectAdapter({ root: project.root, extension }),
      })
      await graph.add([project.path('app/a.ts')], 'imported')
      expect(graph.errors).toEqual([])
      const found = [...graph.modules.keys(), ...graph.packages.keys()].map((path) =>
        relative(project.root, path),
      )
      expect(new Set(found)).toEqual(reachable(all))
      expect(graph.modules.size + graph.packages.size).toBe(found.length)
      const again = new ModuleGraph({
        root: project.path('app'),
        adapterFor: (extension) => selectAdapter({ root: project.root, extension }),
        knownPackages: graph.packages,
      })
      await again.add([project.path('app/a.ts')], 'imported')
      expect([...again.packages.keys()].toSorted()).toEqual([...graph.packages.keys()].toSorted())
      expect(again.packagesAreKnown).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('results are remembered by content, and nothing else', async () => {
  using project = tempProject({
    'app/a.ts': "import './b.rip'\nimport './c.cjs'\n",
    'app/b.rip': "import './d.ts'\n",
    'app/c.cjs': "require('./d.ts')\n",
    'app/d.ts': 'export {}\n',
    'app/e.ts': 'export {}\n',
  })
  const walk = async (): Promise<readonly string[]> => {
    const memory = new ReferenceMemory(project.path('run/references.json'))
    const graph = new ModuleGraph({
      root: project.path('app'),
      adapterFor: (extension) => selectAdapter({ root: project.root, extension }),
      memory,
    })
    await graph.add([project.path('app/a.ts')], 'imported')
    memory.save()
    return [...graph.modules.keys()].map((path) => relative(project.path('app'), path)).toSorted()
  }
  const entries = (): number =>
    Object.keys(JSON.parse(readFileSync(project.path('run/references.json'), 'utf8')) as object).length
  expect(await walk()).toEqual(['a.ts', 'b.rip', 'c.cjs', 'd.ts'])
  expect(await walk()).toEqual(['a.ts', 'b.rip', 'c.cjs', 'd.ts'])
  expect(entries()).toBe(4)
  project.write({ 'app/b.rip': "import './e.ts'\n", 'app/c.cjs': '' })
  expect(await walk()).toEqual(['a.ts', 'b.rip', 'c.cjs', 'e.ts'])
  project.write({ 'run/references.json': 'damaged' })
  expect(await walk()).toEqual(['a.ts', 'b.rip', 'c.cjs', 'e.ts'])
})

test.each([
  ["import('./routes/' + name)", ['./routes/']],
  ['import(`./routes/${name}.ts`)', ['./routes/']],
  ["require('./routes/v1-' + name)", ['./routes/']],
  ["import('./routes/a.ts')", []],
  ['import(path)', []],
])('%s picks from the folders %j', (text, folders) => {
  expect(referencesOf(`${text}\n`, 'ts').folders).toEqual(folders)
})

test.each([
  ['import(path)', true],
  ['import(`${folder}/a.ts`)', true],
  ['const load = (name) => require(name)', true],
  ["import(join(import.meta.dir, 'routes', name))", true],
  ["import('./a.ts')", false],
  ["import('./routes/' + name)", false],
  ["import { a } from './a.ts'\nconsole.log(a(b))", false],
  ['module.require(name)', false],
])('%s picks a module without saying which: %j', (text, picks) => {
  expect(referencesOf(`${text}\n`, 'ts').picks).toBe(picks)
})

test.each([
  ["import a from './a.sql' with { type: 'text' }\nconsole.log(a)", 'text'],
  ["const a = await import('./a.sql', { with: { type: 'text' } })", 'text'],
  ['import a from "./a.sql" with {type:"json"}\nconsole.log(a)', 'json'],
  ["import a from './a.sql'\nconsole.log(a)", undefined],
])('%s says what the file is read as', (text, type) => {
  expect(referencesOf(text, 'ts').modules.find(({ specifier }) => specifier === './a.sql')?.type).toBe(type)
})
