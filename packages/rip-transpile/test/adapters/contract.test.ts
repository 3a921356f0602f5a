import { afterAll, describe, expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { CompileError, selectAdapter } from '../../src/index.ts'
import type { AdapterName, CompileResult } from '../../src/index.ts'
import { tempProject } from '../temp-project.ts'
import { RIP_LANG_3, RIP_LANG_4 } from './fake-rip-lang.ts'

interface Subject {
  readonly title: string
  readonly name: AdapterName
  readonly root: string
  readonly extension: string
  /** Source that exports `a` with the value 1 and uses its import from `node:os`. */
  readonly good: string
  /** Source that cannot be compiled, because of line 3, column 5. */
  readonly bad: string
}

const OWN_ROOT = fileURLToPath(new URL('../..', import.meta.url))
const rip3 = tempProject(RIP_LANG_3)
const rip4 = tempProject(RIP_LANG_4)

afterAll(() => {
  rip3[Symbol.dispose]()
  rip4[Symbol.dispose]()
})

const subjects: readonly Subject[] = [
  {
    title: 'rip',
    name: 'rip',
    root: OWN_ROOT,
    extension: '.rip',
    good: "import { cpus } from 'node:os'\nexport a = cpus ? 1 : 2\n",
    bad: 'a = 1\n\nb = )\n',
  },
  {
    title: 'coffeescript',
    name: 'coffeescript',
    root: OWN_ROOT,
    extension: '.coffee',
    good: "import { cpus } from 'node:os'\nexport a = if cpus then 1 else 2\n",
    bad: 'a = 1\n\nb = )\n',
  },
  {
    title: 'civet',
    name: 'civet',
    root: OWN_ROOT,
    extension: '.civet',
    good: "import { cpus } from 'node:os'\nexport a := if cpus then 1 else 2\n",
    bad: 'a := 1\n\nb = )\n',
  },
  {
    title: 'rip-lang 3',
    name: 'rip-lang',
    root: rip3.root,
    extension: '.rip',
    good: "import { cpus } from 'node:os'\na = cpus ? 1 : 2\n",
    bad: 'a = 1\n\nb = bad!\n',
  },
  {
    title: 'rip-lang 4',
    name: 'rip-lang',
    root: rip4.root,
    extension: '.rip',
    good: "import { cpus } from 'node:os'\na = cpus ? 1 : 2\n",
    bad: 'a = 1\n\nb = bad!\n',
  },
]

describe.each(subjects.map((subject) => [subject.title, subject] as const))('%s', (_, subject) => {
  const adapter = selectAdapter({ name: subject.name, root: subject.root })
  const filename = `/app/file${subject.extension}`

  async function failure(): Promise<CompileError> {
    try {
      await adapter.compile(subject.bad, { filename })
    } catch (error) {
      if (error instanceof CompileError) return error
      throw error
    }
    throw new Error('it compiled')
  }

  test('has a name and a version', () => {
    expect(adapter.name).toBe(subject.name)
    expect(adapter.version).toMatch(/^\d+\.\d+\.\d+/)
    expect(adapter.extensions).toContain(subject.extension)
  })

  test('compiles to an ES module that runs', async () => {
    using project = tempProject()
    const { code } = await adapter.compile(subject.good, { filename })
    project.write({ 'out.mjs': code })
    expect(await import(project.path('out.mjs'))).toMatchObject({ a: 1 })
  })

  test('lists what is imported', async () => {
    const { dependencies } = await adapter.compile(subject.good, { filename })
    expect(dependencies).toEqual(['node:os'])
  })

  test('makes a map only on request', async () => {
    const { code, map } = await adapter.compile(subject.good, { filename })
    expect(map).toBeUndefined()
    expect(code).not.toContain('sourceMappingURL')
  })

  test('the map names the file, carries its text and is valid', async () => {
    const { map } = await adapter.compile(subject.good, { filename, sourceMap: true })
    expect(map).toMatchObject({ version: 3, sources: [filename], sourcesContent: [subject.good] })
    expect(map?.mappings).toMatch(/^[A-Za-z0-9+/,;]+$/)
  })

  test('an inline map is the same map in the last line', async () => {
    const { code, map } = await adapter.compile(subject.good, { filename, sourceMap: 'inline' })
    const [, base64] = /\n\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\n$/.exec(code) ?? []
    expect(JSON.parse(Buffer.from(base64!, 'base64').toString())).toEqual(map)
  })

  test('an error is a CompileError with the exact position', async () => {
    const error = await failure()
    expect(error).toMatchObject({ filename, line: 3, column: 5, start: subject.bad.indexOf('b = ') + 4 })
    expect(error.frame).toContain('> 3 | b = ')
    expect(error.reason).not.toContain('\n')
    expect(error.message).toStartWith(`${filename}:3:5: `)
  })

  test('works without options', async () => {
    const result: CompileResult = await adapter.compile(subject.good)
    expect(result.code.length).toBeGreaterThan(0)
  })
})

test('a hint of rip-lang 3 is kept', () => {
  const adapter = selectAdapter({ name: 'rip-lang', root: rip3.root })
  expect(() => adapter.compile('bad!')).toThrow(expect.objectContaining({ hint: 'write good' }))
})

test('rip-lang 3 compiles schemas', async () => {
  const { code } = await selectAdapter({ name: 'rip-lang', root: rip3.root }).compile('schema = 1\n')
  expect(code).toContain('schema = 1')
})

test('declarations of rip-lang are kept', async () => {
  for (const { root } of [rip3, rip4]) {
    const { dts } = await selectAdapter({ name: 'rip-lang', root }).compile('a = 1\n')
    expect(dts).toBe('export {}\n')
  }
})

test('a compiler that is not installed is named, with the way to install it', () => {
  using project = tempProject()
  expect(() => selectAdapter({ name: 'rip-lang', root: project.root })).toThrow(
    `the compiler 'rip-lang' is not installed in ${project.root}; add it with: bun add --dev rip-lang`,
  )
})
