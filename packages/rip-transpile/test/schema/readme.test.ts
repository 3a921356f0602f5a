import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { REGISTER, runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'

const README = fileURLToPath(new URL('../../../rip-schema/README.md', import.meta.url))

test('the examples in the README of @rip/schema do what it shows', async () => {
  const text = readFileSync(README, 'utf8')
  const files = [...text.matchAll(/^```rip\n# ([\w.]+)\n([^]*?)^```$/gm)].map(([, name = '', code = '']) => [
    name,
    code,
  ])
  const commands = [...text.matchAll(/^\$ bun --preload @rip\/transpile\/register ([\w.]+)\n([^]*?)^```$/gm)]
  using project = tempProject(Object.fromEntries(files))
  expect(commands).toHaveLength(2)
  for (const [, file = '', output] of commands) {
    const { stdout, stderr } = await runBun(['--preload', REGISTER, file], { cwd: project.root })
    expect(stdout + stderr).toBe(output!)
  }
})
