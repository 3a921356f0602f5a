import { expect, test } from 'bun:test'
import { globals } from '../../src/index.ts'
import { inlineRuntime, RUNTIME_NAMES } from '../../src/runtime/inline.ts'
import type { RuntimeName } from '../../src/runtime/inline.ts'
import * as runtime from '../../src/runtime/index.ts'
import { runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'

async function output(names: readonly RuntimeName[], program: string): Promise<string> {
  using project = tempProject({ 'script.js': `${inlineRuntime(names)}\n${program}\n` })
  const { code, stdout, stderr } = await runBun(['script.js'], { cwd: project.root })
  return code === 0 ? stdout : `exit ${code} ${stderr}`
}

test('the names are exactly what the runtime module exports', () => {
  expect(Object.keys(runtime).toSorted()).toEqual([...RUNTIME_NAMES].toSorted())
})

test('no names give no code', () => {
  expect(inlineRuntime([])).toBe('')
})

test('every function works alone', async () => {
  const all = [...RUNTIME_NAMES] as RuntimeName[]
  for (const name of Object.keys(globals))
    expect(inlineRuntime([name as RuntimeName])).toStartWith(`const ${name} = `)
  expect(
    await output(
      all,
      'pr({ a: zip([1], [2]) }); p(kind([]), __toMatchable(null) === "", rand(1), rand(4, 4))',
    ),
  ).toBe('{\n  a: [\n    [\n      1\n      2\n    ]\n  ]\n}\narray true 0 4\n')
})

test('the inlined reactive system reacts to changes', async () => {
  const program = `
    const count = __state(1)
    const double = __computed(() => count.value * 2)
    __effect(() => { console.log(double.value) })
    count.value = 2`
  expect(await output(['__effect', '__state', '__computed'], program)).toBe('2\n4\n')
})

test('abort and exit end the process with their code', async () => {
  expect(await output(['abort'], 'abort("fatal")')).toBe('exit 1 fatal\n')
  expect(await output(['exit'], 'exit(3)')).toBe('exit 3 ')
  expect(await output(['exit'], 'exit()\nconsole.log("unreached")')).toBe('')
})
