import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { runBun } from './run-bun.ts'
import { tempProject } from './temp-project.ts'

const OWN_ROOT = fileURLToPath(new URL('..', import.meta.url))
const ENTRY = fileURLToPath(new URL('../src/index.ts', import.meta.url))

/** Runs a program that has `install` and an adapter whose modules export a given text. */
async function run(program: string, files: Readonly<Record<string, string>>): Promise<string> {
  const head = `import { install } from ${JSON.stringify(ENTRY)}
const saying = (text) => ({
  name: 'saying', version: '1', extensions: ['.rip'],
  compile: () => ({ code: 'export const text = ' + JSON.stringify(text), dependencies: [] }),
})
`
  using project = tempProject({ ...files, 'main.js': head + program })
  const { stdout, stderr } = await runBun(['main.js'], { cwd: project.root })
  return stdout + stderr
}

const FILES = { 'a.rip': '', 'b.rip': '', 'c.rip': '' }

test('the latest installation counts, and after its disposal the previous one', async () => {
  const program = `
    using first = install({ adapter: saying('first') })
    {
      using second = install({ adapter: saying('second') })
      console.log((await import('./a.rip')).text)
    }
    console.log((await import('./b.rip')).text)`
  expect(await run(program, FILES)).toBe('second\nfirst\n')
})

test('without an installation an import fails with a message that says what to do', async () => {
  const program = `
    install({ adapter: saying('once') })[Symbol.dispose]()
    try { await import('./a.rip') } catch (error) { console.log(error.message.includes('call install() before')) }`
  expect(await run(program, FILES)).toBe('true\n')
})

test('other endings are loaded by their own compilers', async () => {
  const program = `
    install({ extensions: ['.rip', '.coffee'], root: ${JSON.stringify(OWN_ROOT)} })
    console.log((await import('./d.coffee')).squares.join())`
  expect(await run(program, { 'd.coffee': 'export squares = (x * x for x in [1..3])\n' })).toBe('1,4,9\n')
})

test('an adapter may return a promise', async () => {
  const program = `
    const { compile, ...rest } = saying('later')
    install({ adapter: { ...rest, compile: async () => compile() } })
    console.log((await import('./a.rip')).text)`
  expect(await run(program, FILES)).toBe('later\n')
})

test('a compiler that does not exist is refused immediately', async () => {
  const program = `try { install({ adapter: 'nonesuch' }) } catch (error) { console.log(error.message) }`
  expect(await run(program, FILES)).toContain("there is no compiler named 'nonesuch'")
})

test('the runtime is found from a project that does not have this package', async () => {
  const program = `
    const code = "import { zip } from '@rip/transpile/runtime'\\nexport const text = JSON.stringify(zip([1], [2]))"
    install({ adapter: { ...saying(''), compile: () => ({ code, dependencies: [] }) } })
    console.log((await import('./a.rip')).text)`
  expect(await run(program, FILES)).toBe('[[1,2]]\n')
})
