import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, until } from '../server.ts'

const APP = 'export default () => Response.json(process.execArgv.includes("--no-install"))\n'

test.each([
  [['start'], true],
  [['start', '--install'], true],
  [['dev'], true],
  [['dev', '--install'], false],
  [['worker'], true],
] as const)(
  '%p runs without fetching missing packages: %p',
  async (words, expected) => {
    await using sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.ts'), APP)
    const [command, ...flags] = words
    const socket = join(sandbox.folder, 'w.sock')
    sandbox.launch(command, join(sandbox.folder, 'index.ts'), '--bind', `unix:${socket}`, ...flags)
    const asked = async (): Promise<unknown> => (await fetch('http://app/', { unix: socket })).json()
    await until('an answer', async () => (await asked().catch(() => undefined)) !== undefined)
    expect(await asked()).toBe(expected)
  },
  30_000,
)
