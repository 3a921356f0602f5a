/**
 * Checks that nginx and HAProxy, configured as in docs/operating.md, lose no request while code is reloaded behind
 * them. Unlike the tests it needs these programs, and is run by `.ci/run`: `bun run peers`.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findInstances } from '@rip/manager'
import { startLoad } from '../load.ts'
import { Sandbox, until } from '../server.ts'

setDefaultTimeout(90_000)

const RELOADS = 3
const PER_SECOND = 100
const PAGE = readFileSync(new URL('../../../../docs/operating.md', import.meta.url), 'utf8')

interface Proxy {
  readonly language: string
  readonly wholeFile: (block: string, folder: string) => string
  readonly command: (file: string, folder: string) => readonly [string, ...string[]]
}

const proxies: readonly Proxy[] = [
  {
    language: 'nginx',
    wholeFile: (block, folder) =>
      `${process.geteuid?.() === 0 ? 'user root; ' : ''}daemon off; pid ${folder}/pid; error_log stderr; events { } ` +
      `http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}\n${block}}`,
    command: (file, folder) => ['nginx', '-p', folder, '-c', file],
  },
  { language: 'haproxy', wholeFile: (block) => block, command: (file) => ['haproxy', '-db', '-f', file] },
]

function blockOf(language: string): string {
  const block = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(
    PAGE.slice(PAGE.indexOf('## The layers apart')),
  )?.[1]
  if (block === undefined) throw new Error(`the page has no block of ${language}`)
  return block
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const server = createServer().listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
  })
  return promise
}

const appOf = (version: number): string => `export default async (request) => {
  const { length } = await request.text()
  await Bun.sleep(5)
  return Response.json({ version: ${version}, body: length })
}
`

for (const { language, wholeFile, command } of proxies) {
  test(`${language} in front of a manager loses no request while code is reloaded and workers are replaced`, async () => {
    await using sandbox = await Sandbox.create()
    await writeFile(join(sandbox.folder, 'index.js'), appOf(1))
    sandbox.launch('manager', 'w:2', sandbox.folder)
    const { runDir } = await until('the manager serves', () => findInstances(sandbox.env())[0])
    await until('its workers serve', async () => (await sandbox.run('status')).code === 0)
    const port = await freePort()
    const folder = mkdtempSync(join(sandbox.folder, 'proxy-'))
    using stack = new DisposableStack()
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const block = blockOf(language).replaceAll('/run/rip-server/shop', runDir).replace('8080', String(port))
    const file = join(folder, 'conf')
    writeFileSync(file, wholeFile(block, folder))
    const [program, ...args] = command(file, folder)
    const path = Bun.which(program, { PATH: `${process.env['PATH']}:/usr/sbin` })
    if (path === null) throw new Error(`${program} is not installed; .ci/run names the Debian packages`)
    const child = Bun.spawn([path, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
    stack.defer(() => child.kill('SIGTERM'))
    const url = `http://127.0.0.1:${port}`
    await until('the proxy answers', () =>
      fetch(url, { keepalive: false }).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    const load = startLoad({ url, path: '/', perSecond: PER_SECOND, post: 'x'.repeat(16_256) })
    for (let version = 2; version <= RELOADS + 1; version++) {
      const target = load.sent + PER_SECOND
      await until('some requests were sent', () => load.sent >= target)
      await writeFile(join(sandbox.folder, 'index.js'), appOf(version))
      expect((await sandbox.run('reload')).code).toBe(0)
      expect((await sandbox.run('restart')).code).toBe(0)
    }
    const { failures, answers } = await load.stop()
    expect(failures).toEqual([])
    expect(new Set(answers.map((answer) => answer['version'])).size).toBe(RELOADS + 1)
  })
}
