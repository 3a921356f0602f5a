import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, until } from '../server.ts'

setDefaultTimeout(60_000)

const app = (answer: string, writes: string): string =>
  `import { writeFileSync } from 'node:fs'\n${writes}\nexport default () => new Response('${answer}')\n`

test.each(['start', 'dev'])(
  '%s serves an application that writes a file into its folder at boot',
  async (mode) => {
    await using sandbox = await Sandbox.create()
    const writes = `writeFileSync(import.meta.dir + '/build-info.json', process.pid + ' ' + Date.now())`
    await writeFile(join(sandbox.folder, 'index.js'), app('one', writes))
    const server = await sandbox.start(mode, sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    expect(await (await fetch(server.url)).text()).toBe('one')
  },
)

test('a reload succeeds while the application stores uploads in its folder', async () => {
  await using sandbox = await Sandbox.create()
  const uploads = join(sandbox.folder, 'uploads')
  const writes = `let n = 0
setInterval(() => writeFileSync(import.meta.dir + '/uploads/' + process.pid + '-' + n++ + '.txt', 'x'), 50)`
  await mkdir(uploads)
  await writeFile(join(sandbox.folder, 'index.js'), app('one', writes))
  const server = await sandbox.start('start', sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
  await until('uploads come', async () => (await readdir(uploads)).length > 2)
  await writeFile(join(sandbox.folder, 'index.js'), app('two', writes))
  expect(await sandbox.run('reload', sandbox.folder)).toMatchObject({ code: 0 })
  expect(await (await fetch(server.url, { keepalive: false })).text()).toBe('two')
})
