/** What pages get in development, and that they get nothing of it in production. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, until } from '../server.ts'

setDefaultTimeout(60_000)

const PAGE = '<!doctype html><html><head><title>a</title></head></html>'
const NAVIGATION = { headers: { 'sec-fetch-dest': 'document' } }

const sourceOf = (title: string): string => `
export default (request) => {
  if (new URL(request.url).pathname === '/late') setTimeout(() => { throw new Error('too late') }, 1)
  return new Response(${JSON.stringify(PAGE)}.replace('a</', '${title}</'), { headers: { 'content-type': 'text/html' } })
}
`

interface Told {
  readonly generation: string
  readonly change?: { readonly from: string; readonly files: readonly string[] }
  readonly problems: readonly {
    readonly title: string
    readonly message: string
    readonly detail: string
    readonly place: string
  }[]
}

async function application(sandbox: Sandbox): Promise<string> {
  const folder = join(sandbox.folder, 'app')
  await mkdir(folder)
  await writeFile(join(folder, 'index.ts'), sourceOf('a'))
  return folder
}

/** Reads one message after the other of the stream that pages listen to. */
async function stream(url: string): Promise<() => Promise<Told>> {
  const { body } = await fetch(`${url}/.rip/live`)
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader()
  return async () => {
    for (;;) {
      const { value = '', done } = await reader.read()
      if (done) throw new Error('the stream has ended')
      const [, data] = /^data: (.*)$/m.exec(value) ?? []
      if (data !== undefined) return JSON.parse(data) as Told
    }
  }
}

test('pages in development have the script, and hear what becomes of each save', async () => {
  await using sandbox = await Sandbox.create()
  const folder = await application(sandbox)
  const save = (source: string): Promise<void> => writeFile(join(folder, 'index.ts'), source)
  const server = await sandbox.start('dev', folder, '-w', '1', '0')
  const next = await stream(server.url)
  const { generation } = await next()
  const page = await (await fetch(server.url, NAVIGATION)).text()
  expect(page).toBe(
    PAGE.replace(
      '<head>',
      `<head><script async src="/.rip/live.js" data-generation="${generation}"></script>`,
    ),
  )
  expect(await (await fetch(server.url)).text()).toBe(PAGE)
  expect((await fetch(`${server.url}/.rip/live.js`)).status).toBe(200)
  const foreign = await fetch(`${server.url}/.rip/live`, { headers: { host: 'evil.example' } })
  expect(foreign.status).toBe(403)

  await save(`${sourceOf('a')}\nconst`)
  const { problems } = await next()
  expect(problems).toMatchObject([
    { place: expect.stringMatching(/^index\.ts:7:/), detail: expect.stringContaining('> 7 |') },
  ])
  await save(sourceOf('a'))
  expect(await next()).toMatchObject({ generation, problems: [] })
  await save(sourceOf('b'))
  const changed = await next()
  expect(changed.change).toEqual({ from: generation, files: ['index.ts'] })
  expect(await (await fetch(server.url, NAVIGATION)).text()).toContain(
    `data-generation="${changed.generation}"`,
  )

  await fetch(`${server.url}/late`)
  expect((await next()).problems).toMatchObject([
    {
      title: 'Uncaught exception',
      message: 'Error: too late',
      place: expect.stringMatching(/^index\.ts:3:/),
    },
  ])
  await writeFile(join(folder, 'rip-server.config.ts'), 'export default { live: false }')
  // A connection that is kept open keeps the settings it began with.
  const asked = { ...NAVIGATION, keepalive: false }
  await until(
    'pages are left alone',
    async () => !(await (await fetch(server.url, asked)).text()).includes('/.rip/'),
  )
  server.kill('SIGTERM')
  expect((await server.finished()).code).toBe(0)
  expect((await sandbox.leftovers()).filter((path) => path.endsWith('.sock'))).toEqual([])
})

test('pages are as the application wrote them in production', async () => {
  await using sandbox = await Sandbox.create()
  const folder = await application(sandbox)
  const server = await sandbox.start('start', folder, '-w', '1', '0', '-b', '127.0.0.1')
  const response = await fetch(server.url, NAVIGATION)
  expect([await response.text(), response.headers.get('content-length')]).toEqual([PAGE, String(PAGE.length)])
  // The application answers it, as any other path.
  expect(await (await fetch(`${server.url}/.rip/live.js`)).text()).toBe(PAGE)
})
