import { expect, test } from 'bun:test'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileTo } from '../../src/index.ts'
import type { CompileEvent, CompileIo, CompileToOptions, CompileToResult } from '../../src/index.ts'
import { runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'
import type { TempProject } from '../temp-project.ts'

const TYPESCRIPT = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))

class RecordingIo implements CompileIo {
  readonly written: string[] = []
  readonly events: CompileEvent[] = []
  readonly #stdin: string
  #waiting: { readonly met: () => boolean; readonly resolve: () => void } | undefined

  constructor(stdin = '') {
    this.#stdin = stdin
  }

  readStdin(): Promise<string> {
    return Promise.resolve(this.#stdin)
  }

  out(text: string): void {
    this.written.push(text)
  }

  report(event: CompileEvent): void {
    this.events.push(event)
    if (this.#waiting?.met()) this.#waiting.resolve()
  }

  /** Resolves when an event of that type about that source was reported. */
  until(type: CompileEvent['type'], source: string, count = 1): Promise<void> {
    const met = () =>
      this.events.filter((event) => event.type === type && event.source.endsWith(source)).length >= count
    if (met()) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting = { met, resolve }
    return promise
  }
}

function run(
  project: TempProject,
  options: Omit<CompileToOptions, 'cwd'>,
  io: CompileIo = new RecordingIo(),
): Promise<CompileToResult> {
  return compileTo({ cwd: project.root, ...options }, io)
}

function text(project: TempProject, path: string): string {
  return readFileSync(project.path(path), 'utf8')
}

test('one file is written to the stream', async () => {
  using project = tempProject({ 'a.rip': 'export a = 1\n' })
  const io = new RecordingIo()
  expect(await run(project, { inputs: ['a.rip'] }, io)).toEqual({ compiled: 1, failed: 0 })
  expect(io.written.join()).toContain('a = 1')
})

test('standard input is compiled like a file, with its map inside the code', async () => {
  using project = tempProject()
  const io = new RecordingIo('export a = 1\n')
  await run(project, { inputs: ['-'], maps: true }, io)
  expect(io.written.join()).toMatch(/a = 1[^]*sourceMappingURL=data:application\/json;base64,/)
})

test('a folder keeps its layout, without dependencies', async () => {
  using project = tempProject({
    'src/a.rip': 'export a = 1\n',
    'src/lib/b.rip': 'export b = 1\n',
    'src/node_modules/x/c.rip': 'export c = 1\n',
    'src/other.txt': '',
  })
  expect(await run(project, { inputs: ['src'], outDir: 'out' })).toEqual({ compiled: 2, failed: 0 })
  expect(existsSync(project.path('out/a.js'))).toBe(true)
  expect(existsSync(project.path('out/lib/b.js'))).toBe(true)
  expect(existsSync(project.path('out/node_modules'))).toBe(false)
})

test('compiled modules import each other', async () => {
  using project = tempProject({
    'src/a.rip': "export { b } from './lib/b.rip'\nexport late = -> import('./lib/b.rip')\n",
    'src/lib/b.rip': 'export b = 7\n',
  })
  await run(project, { inputs: ['src'], outDir: 'out' })
  const module = (await import(project.path('out/a.js'))) as { b: number; late(): Promise<{ b: number }> }
  expect([module.b, (await module.late()).b]).toEqual([7, 7])
})

test('a map is written beside its file and leads back to the source', async () => {
  using project = tempProject({ 'src/lib/a.rip': 'export a = 1\n' })
  await run(project, { inputs: ['src'], outDir: 'out', maps: true })
  expect(text(project, 'out/lib/a.js')).toEndWith('\n//# sourceMappingURL=a.js.map\n')
  expect(JSON.parse(text(project, 'out/lib/a.js.map'))).toMatchObject({
    version: 3,
    file: 'a.js',
    sources: ['../../src/lib/a.rip'],
    sourcesContent: ['export a = 1\n'],
  })
})

test('declarations are written beside the files and refer to each other', async () => {
  using project = tempProject({
    'src/a.rip': "import { Id } from './lib/b.rip'\nexport find = (id: Id): boolean -> yes\n",
    'src/lib/b.rip': 'export type Id = number\nexport last = 3\n',
  })
  await run(project, { inputs: ['src'], outDir: 'out', dts: true })
  expect(text(project, 'out/a.d.ts')).toBe(
    'import { Id } from "./lib/b.js";\nexport function find(id: Id): boolean;\n',
  )
  expect(text(project, 'out/lib/b.d.ts')).toBe('export type Id = number;\nexport const last: number;\n')
  expect(text(project, 'out/a.js')).not.toContain('import')
})

test("TypeScript finds the declarations of `import './name.rip'`", async () => {
  using project = tempProject({
    'src/a.rip': "import { b } from './lib/b.rip'\nexport double = (n: number): number -> n * 2 + b\n",
    'src/lib/b.rip': 'export b: number = 3\n',
    'src/started.rip': 'p 1\n',
    'src/main.ts':
      "import { double } from './a.rip'\nimport './started.rip'\nexport const four: number = double(2)\n// @ts-expect-error no text\ndouble('2')\n",
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        target: 'esnext',
        module: 'esnext',
        moduleResolution: 'bundler',
        allowArbitraryExtensions: true,
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        types: [],
        rootDirs: ['src', 'types'],
      },
      include: ['src', 'types'],
    }),
  })
  await run(project, { inputs: ['src'], outDir: 'types', dts: true })
  expect(text(project, 'types/started.d.rip.ts')).toBe('export {};\n')
  const child = Bun.spawn([process.execPath, TYPESCRIPT, '-p', '.', '--pretty', 'false'], {
    cwd: project.root,
    stdout: 'pipe',
  })
  expect(await new Response(child.stdout).text()).toBe('')
  expect(await child.exited).toBe(0)
}, 30_000)

const REACTIVE = {
  'src/store.rip': 'export count: number := 1\n',
  'src/lib/main.rip':
    "import { count } from '../store.rip'\ndouble ~= count.value * 2\ncount.value = 4\np double, kind []\n",
}

test('a folder of results contains the runtime, which its modules share', async () => {
  using project = tempProject(REACTIVE)
  await run(project, { inputs: ['src'], outDir: 'out', dts: true })
  expect(text(project, 'out/store.d.ts')).toContain("import('./rip-runtime.js').State<number>")
  expect(text(project, 'out/rip-runtime.d.ts')).toContain('export interface State<T>')
  const { stdout, stderr } = await runBun(['out/lib/main.js'], { cwd: project.root })
  expect(stdout + stderr).toBe('8 array\n')
})

test('there is no runtime if no module uses it', async () => {
  using project = tempProject({ 'src/a.rip': 'export a = 1\n' })
  await run(project, { inputs: ['src'], outDir: 'out' })
  expect(existsSync(project.path('out/rip-runtime.js'))).toBe(false)
})

test('on request the runtime is imported from the package', async () => {
  using project = tempProject(REACTIVE)
  await run(project, { inputs: ['src'], outDir: 'out', runtime: 'import' })
  expect(text(project, 'out/store.js')).toContain('from "@rip/transpile/runtime"')
})

test('code written to the stream runs without the package', async () => {
  using project = tempProject({ 'a.rip': 'count := 1\ncount = 2\np kind(count), count\n' })
  const io = new RecordingIo()
  await run(project, { inputs: ['a.rip'] }, io)
  project.write({ 'a.js': io.written.join('') })
  const { stdout, stderr } = await runBun(['a.js'], { cwd: project.root })
  expect(stdout + stderr).toBe('number 2\n')
})

test('declarations are written on request only', async () => {
  using project = tempProject({ 'src/a.rip': 'export a: number = 1\n' })
  await run(project, { inputs: ['src'], outDir: 'out' })
  expect(existsSync(project.path('out/a.d.ts'))).toBe(false)
})

test('a broken file is reported, and the others are compiled', async () => {
  using project = tempProject({ 'src/a.rip': 'a = )\n', 'src/b.rip': 'export b = 1\n' })
  const io = new RecordingIo()
  expect(await run(project, { inputs: ['src'], outDir: 'out' }, io)).toEqual({ compiled: 1, failed: 1 })
  expect(io.events).toMatchObject([
    { type: 'failed', source: project.path('src/a.rip'), error: { line: 1, column: 5 } },
    { type: 'written', path: project.path('out/b.js') },
  ])
})

test('several files without a target folder are refused', () => {
  using project = tempProject({ 'a.rip': '', 'b.rip': '' })
  expect(run(project, { inputs: ['a.rip', 'b.rip'] })).rejects.toThrow('name a folder for the results')
})

test('an input that does not exist is named', () => {
  using project = tempProject()
  expect(run(project, { inputs: ['nope.rip'] })).rejects.toThrow(
    `no file or folder ${project.path('nope.rip')}`,
  )
})

test('watching handles changes, new files, repairs and removals until it is ended', async () => {
  using project = tempProject({ 'src/a.rip': 'export a = 1\n' })
  const io = new RecordingIo()
  const ending = new AbortController()
  const running = run(project, { inputs: ['src'], outDir: 'out', watch: true, signal: ending.signal }, io)
  await io.until('written', 'a.rip')

  project.write({ 'src/a.rip': 'export a = 2\n' })
  await io.until('written', 'a.rip', 2)
  expect(text(project, 'out/a.js')).toContain('a = 2')

  project.write({ 'src/lib/b.rip': 'b = (\n' })
  await io.until('failed', 'b.rip')
  project.write({ 'src/lib/b.new': 'export b = 1\n' })
  renameSync(project.path('src/lib/b.new'), project.path('src/lib/b.rip'))
  await io.until('written', 'b.rip')

  for (const name of ['a.rip', 'lib/b.rip']) {
    rmSync(project.path(`src/${name}`))
    await io.until('removed', name)
  }
  expect(existsSync(project.path('out/a.js'))).toBe(false)
  project.write({ 'src/c.rip': 'export c = 1\n' })
  await io.until('written', 'c.rip')

  ending.abort()
  expect(await running).toEqual({ compiled: 1, failed: 0 })
})

test('a file that is replaced again and again is still watched', async () => {
  using project = tempProject({ 'a.rip': 'export a = 0\n' })
  const io = new RecordingIo()
  const ending = new AbortController()
  const running = run(project, { inputs: ['a.rip'], outDir: 'out', watch: true, signal: ending.signal }, io)
  for (const [count, value] of [1, 2, 3].entries()) {
    await io.until('written', 'a.rip', count + 1)
    project.write({ 'a.new': `export a = ${value}\n` })
    renameSync(project.path('a.new'), project.path('a.rip'))
  }
  await io.until('written', 'a.rip', 4)
  ending.abort()
  expect(await running).toEqual({ compiled: 1, failed: 0 })
  expect(text(project, 'out/a.js')).toContain('a = 3')
})

const REFUSED: [string, Omit<CompileToOptions, 'cwd'>, string][] = [
  [
    'watching without a folder for the results',
    { inputs: ['a.rip'], watch: true },
    'watching needs a folder',
  ],
  ['declarations without a folder', { inputs: ['a.rip'], dts: true }, 'declaration files need a folder'],
  ['a file in no language to compile', { inputs: ['a.txt'] }, 'a.txt is in no language to compile'],
  ['a folder without sources', { inputs: ['empty'], outDir: 'out' }, 'there is no .rip file below'],
  ['two results in one place', { inputs: ['a.rip', 'lib'], outDir: 'out' }, 'to the same file a.rip'],
]

for (const [what, options, message] of REFUSED) {
  test(`${what} is refused before anything is written`, async () => {
    using project = tempProject({ 'a.rip': 'a = 1\n', 'a.txt': '', 'lib/a.rip': '', 'empty/b.txt': '' })
    const io = new RecordingIo()
    expect(String(await run(project, options, io).catch((error: unknown) => error))).toContain(message)
    expect([io.written, io.events, existsSync(project.path('out'))]).toEqual([[], [], false])
  })
}

test('standard input is written to a file if there is a target folder', async () => {
  using project = tempProject()
  const io = new RecordingIo('export a: number = 1\n')
  await run(project, { inputs: ['-'], outDir: 'out', dts: true, maps: true }, io)
  expect(io.written).toEqual([])
  expect(text(project, 'out/stdin.d.ts')).toBe('export const a: number;\n')
  expect(JSON.parse(text(project, 'out/stdin.js.map'))).toMatchObject({ sources: ['../stdin.rip'] })
})
