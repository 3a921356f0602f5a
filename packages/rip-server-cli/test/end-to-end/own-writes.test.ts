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

/** Writes a new module, which nothing imports, each time it is loaded. */
const generating = (answer: string, folder: string): string =>
  app(
    answer,
    `writeFileSync(import.meta.dir + '${folder}routes-' + Date.now() + '-' + process.pid + '.ts', 'export const at = ' + Date.now())`,
  )

test.each(['/generated/', '/'])(
  'dev does not go on restarting an application that writes new modules, which nothing imports, at each start: in %s',
  async (folder) => {
    await using sandbox = await Sandbox.create()
    const written = join(sandbox.folder, folder)
    await mkdir(written, { recursive: true })
    await writeFile(join(sandbox.folder, 'index.ts'), generating('one', folder))
    const server = await sandbox.start('dev', sandbox.folder, 'w:2', '0', '-b', '127.0.0.1')
    await server.says(/writes .*routes-[\d-]+\.ts while it starts, again and again: .*\.gitignore/)
    const admitted = async (): Promise<number> => (await sandbox.snapshot(server)).reloads.admitted
    const files = async (): Promise<number> => (await readdir(written)).length
    const before = await admitted()
    for (const answer of ['two', 'three', 'four']) {
      const writtenBefore = await files()
      await writeFile(join(sandbox.folder, 'index.ts'), generating(answer, folder))
      await until(
        'it is served',
        async () => (await (await fetch(server.url, { keepalive: false })).text()) === answer,
      )
      await until('both workers have written', async () => (await files()) >= writtenBefore + 2)
    }
    expect(await admitted()).toBe(before + 3)
  },
)

test('dev does not go on restarting an application that writes new modules all the time', async () => {
  await using sandbox = await Sandbox.create()
  const writing = (answer: string): string =>
    app(
      answer,
      `setInterval(() => writeFileSync(import.meta.dir + '/page-' + Date.now() + '-' + process.pid + '.ts', 'export {}'), 700)`,
    )
  await writeFile(join(sandbox.folder, 'index.ts'), writing('one'))
  const server = await sandbox.start('dev', sandbox.folder, 'w:1', '0', '-b', '127.0.0.1')
  await server.says(/ever new files such as page-[\d-]+\.ts, which the code does not import, are written/)
  const builds = async (): Promise<number> => {
    const { stdout } = await sandbox.run('events', sandbox.folder, '--past', '--no-follow', '--json')
    return stdout.split('\n').filter((line) => line.includes('"generation-building"')).length
  }
  const pages = async (): Promise<number> => (await readdir(sandbox.folder)).length
  const [before, written] = [await builds(), await pages()]
  expect(before).toBeGreaterThan(1)
  await until('more pages come', async () => (await pages()) > written + 3)
  expect(await builds()).toBe(before)
  await writeFile(join(sandbox.folder, 'index.ts'), writing('two'))
  await until(
    'what was saved is served',
    async () => (await (await fetch(server.url, { keepalive: false })).text()) === 'two',
  )
})
