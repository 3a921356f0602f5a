import { describe, expect, test } from 'bun:test'
import { mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commands } from '../src/command-line/commands.ts'
import { Sandbox } from './server.ts'
import { markedBlock } from '@rip/testing'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))
const TEST_TIMEOUT_MS = 60_000

const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8')

describe('the README', () => {
  for (const file of ['app.ts', 'app.rip']) {
    test(
      `shows an application that serves: ${file}`,
      async () => {
        await using sandbox = await Sandbox.create()
        const path = join(sandbox.folder, file)
        await writeFile(path, markedBlock(readme, file))
        const server = await sandbox.start('dev', path, 'w:1', '0')
        expect(await (await fetch(`${server.url}/x`)).text()).toBe('hello from worker 1, /x\n')
      },
      TEST_TIMEOUT_MS,
    )
  }

  test(
    'shows a configuration, and what comes of it',
    async () => {
      await using sandbox = await Sandbox.create()
      await mkdir(join(sandbox.folder, 'node_modules'))
      await symlink(await realpath(PACKAGE), join(sandbox.folder, 'node_modules/rip-server'))
      await writeFile(
        join(sandbox.folder, 'rip-server.config.ts'),
        markedBlock(readme, 'rip-server.config.ts'),
      )
      const [command = '', ...expected] = markedBlock(readme, 'command').trimEnd().split('\n')
      const { code, stdout } = await sandbox.run(...command.replace('$ rip-server ', '').split(' '))
      expect(code).toBe(0)
      // The folder differs, and with it the width of its column.
      const shown = (text: string): string => text.replace(sandbox.folder, '/srv/shop').replace(/ +/g, ' ')
      expect(stdout.trimEnd().split('\n').map(shown)).toEqual(expected.map(shown))
    },
    TEST_TIMEOUT_MS,
  )

  test('names every command', () => {
    for (const { name } of commands) expect(readme).toContain(name)
  })
})
