import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { Folder, Program } from './helpers.ts'

const MODULE = join(import.meta.dir, '../src/application/load-application.ts')

test('an application that cannot be loaded is one rejection, which the caller handles', async () => {
  using folder = new Folder({
    'app.ts': `throw new Error('no database')`,
    'caller.ts': `
      import { loadApplication } from '${MODULE}'
      await loadApplication(import.meta.dir + '/app.ts').catch(({ code }) => console.log(code))
      await Bun.sleep(0)
      console.log('goes on')`,
  })
  await using caller = new Program({ main: folder.file('caller.ts'), cwd: folder.path })
  expect(await caller.exitCode()).toBe(0)
  expect(caller.stdout).toBe('RIP_APP_IMPORT\ngoes on\n')
  expect(caller.stderr).toBe('')
})
