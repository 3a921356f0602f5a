import { expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { BUILDER, runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'

const LOADER = fileURLToPath(new URL('../../src/loader.ts', import.meta.url))

const REQUIRED =
  "const { basename } = require('path')\nconsole.log(require.main === module, basename(require.main?.filename ?? ''), process.mainModule === module, require('./beside.js'))\n"
const BESIDE = "module.exports = require('path').basename(require.main?.filename ?? '')\n"
const GUARD = 'console.log(import.meta.main)\n'

/** The output of a program with this content that another program imports with `install({ main })`. */
async function printed(name: string, content: string, isFrozen: boolean): Promise<string> {
  using project = tempProject({ [`app/${name}`]: content, 'app/beside.js': BESIDE })
  const cwd = project.path('app')
  const snapshot = project.path('snap')
  if (isFrozen) expect((await runBun([BUILDER, '--root', cwd, '--out', snapshot], { cwd })).code).toBe(0)
  const main = project.path(`app/${name}`)
  const options = JSON.stringify(isFrozen ? { snapshot, main } : { main })
  const program = `const { install } = await import(${JSON.stringify(LOADER)})\ninstall(${options})\nawait import(${JSON.stringify(main)})\n`
  const { stdout, stderr } = await runBun(['-e', program], { cwd })
  return stdout + stderr
}

test.each([
  ['a CommonJS module, which others see as well', 'server.js', REQUIRED, 'true server.js true server.js\n'],
  ['TypeScript with require', 'server.ts', REQUIRED, 'true server.ts true server.js\n'.replace(/js$/m, 'ts')],
  ['a module', 'server.mjs', GUARD, 'true\n'],
  ['a module in Rip', 'server.rip', 'console.log import.meta.main\n', 'true\n'],
  [
    'a module that exports what is no handler',
    'server.ts',
    `${GUARD}export const port: number = 3000\n`,
    'true\n',
  ],
  [
    'not a module with a default export',
    'server.ts',
    `${GUARD}const app = {}\nexport { app as default }\n`,
    'false\n',
  ],
  [
    'not a module that exports fetch',
    'server.mjs',
    `${GUARD}export const fetch = () => new Response()\n`,
    'false\n',
  ],
  [
    'not one in Rip with a default export',
    'server.rip',
    'console.log import.meta.main\nexport default -> 1\n',
    'false\n',
  ],
])('the main module is %s, from disk and from a snapshot', async (_, name, content, expected) => {
  expect(await printed(name, content, false)).toBe(expected)
  expect(await printed(name, content, true)).toBe(expected)
})
