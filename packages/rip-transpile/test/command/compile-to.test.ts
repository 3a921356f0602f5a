import { expect, test } from 'bun:test'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { compileTo } from '../../src/index.ts'
import type { CompileEvent, CompileIo, CompileToOptions, CompileToResult } from '../../src/index.ts'
import { tempProject } from '../temp-project.ts'
import type { TempProject } from '../temp-project.ts'

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

test('one file goes to the stream', async () => {
  using project = tempProject({ 'a.rip': 'export a = 1\n' })
  const io = new RecordingIo()
  expect(await run(project, { inputs: ['a.rip'] }, io)).toEqual({ compiled: 1, failed: 0 })
  expect(io.written.join()).toContain('a = 1')
})

test('standard input is a file, too, and its map is within the code', async () => {
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

test('compiled modules find each other', async () => {
  using project = tempProject({
    'src/a.rip': "export { b } from './lib/b.rip'\nexport late = -> import('./lib/b.rip')\n",
    'src/lib/b.rip': 'export b = 7\n',
  })
  await run(project, { inputs: ['src'], outDir: 'out' })
  const module = (await import(project.path('out/a.js'))) as { b: number; late(): Promise<{ b: number }> }
  expect([module.b, (await module.late()).b]).toEqual([7, 7])
})

test('a map lies beside its file and leads back to the source', async () => {
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

test('declarations lie beside the files and lead to each other', async () => {
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

test('without a wish for declarations there are none', async () => {
  using project = tempProject({ 'src/a.rip': 'export a: number = 1\n' })
  await run(project, { inputs: ['src'], outDir: 'out' })
  expect(existsSync(project.path('out/a.d.ts'))).toBe(false)
})

test('a broken file is reported and the others are compiled', async () => {
  using project = tempProject({ 'src/a.rip': 'a = )\n', 'src/b.rip': 'export b = 1\n' })
  const io = new RecordingIo()
  expect(await run(project, { inputs: ['src'], outDir: 'out' }, io)).toEqual({ compiled: 1, failed: 1 })
  expect(io.events).toMatchObject([
    { type: 'failed', source: project.path('src/a.rip'), error: { line: 1, column: 5 } },
    { type: 'written', path: project.path('out/b.js') },
  ])
})

test('several files without a folder for the results are refused', () => {
  using project = tempProject({ 'a.rip': '', 'b.rip': '' })
  expect(run(project, { inputs: ['a.rip', 'b.rip'] })).rejects.toThrow('name a folder for the results')
})

test('an input that is not there is named', () => {
  using project = tempProject()
  expect(run(project, { inputs: ['nope.rip'] })).rejects.toThrow(
    `no file or folder ${project.path('nope.rip')}`,
  )
})

test('watching follows changes, new files, repairs and removals until it is told to end', async () => {
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

  rmSync(project.path('src/a.rip'))
  await io.until('removed', 'a.rip')
  expect(existsSync(project.path('out/a.js'))).toBe(false)

  ending.abort()
  expect(await running).toEqual({ compiled: 1, failed: 0 })
})

test('watching without a folder for the results is refused', () => {
  using project = tempProject({ 'a.rip': 'a = 1\n' })
  expect(run(project, { inputs: ['a.rip'], watch: true })).rejects.toThrow('watching needs a folder')
})
