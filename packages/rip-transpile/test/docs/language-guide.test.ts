import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CompileError, selectAdapter } from '../../src/index.ts'
import { REGISTER, runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'
import type { TempProject } from '../temp-project.ts'

const GUIDE = fileURLToPath(new URL('../../../../docs/rip-language.md', import.meta.url))

interface Example {
  readonly title: string
  readonly text: string
  /** Name of the file, where another example imports it. */
  readonly file: string
  readonly fails: boolean
}

const examples = [...readFileSync(GUIDE, 'utf8').matchAll(/^```rip( error)?\n([^]*?)^```$/gm)].map(
  ([, error, text = ''], index): Example => ({
    title: `${index + 1}: ${text.slice(0, text.indexOf('\n'))}`,
    text,
    file: /^# ([\w-]+\.rip)\n/.exec(text)?.[1] ?? `example-${index + 1}.rip`,
    fails: error !== undefined,
  }),
)

/** The output that the comments of an example promise. */
function promised(text: string): string {
  return [...text.matchAll(/# → (.*)$/gm)].map(([, line = '']) => `${line.trimEnd()}\n`).join('')
}

/** Imports every example in one process and marks where the output of each begins. */
const RUN_ALL = `for (const file of process.argv.slice(2)) {
  console.log('=== ' + file)
  await import('./' + file)
}
`

describe('the language guide', () => {
  const running = examples.filter((example) => !example.fails)
  const printed = new Map<string, string>()
  let project: TempProject

  beforeAll(async () => {
    project = tempProject({
      'run-all.ts': RUN_ALL,
      ...Object.fromEntries(running.map(({ file, text }) => [file, text])),
    })
    const files = running.map((example) => example.file)
    const { stdout, stderr } = await runBun(['--preload', REGISTER, 'run-all.ts', ...files], {
      cwd: project.root,
    })
    for (const part of stdout.split('=== ').slice(1)) {
      const newline = part.indexOf('\n')
      printed.set(part.slice(0, newline), part.slice(newline + 1))
    }
    if (stderr !== '') printed.set('stderr', stderr)
  })

  afterAll(() => project[Symbol.dispose]())

  test('writes nothing to standard error', () => {
    expect(printed.get('stderr') ?? '').toBe('')
  })

  test.each(running.map((example) => [example.title, example] as const))('%s', (_, { file, text }) => {
    expect(printed.get(file)).toBe(promised(text))
  })

  test.each(examples.filter((example) => example.fails).map((example) => [example.title, example] as const))(
    '%s is refused',
    (_, { text }) => {
      expect(() => selectAdapter({ name: 'rip' }).compile(text)).toThrow(CompileError)
    },
  )
})
