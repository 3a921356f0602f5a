import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findInstances } from '@rip/manager'
import { Sandbox, type Server, until } from '../server.ts'

setDefaultTimeout(60_000)

async function startBroken(sandbox: Sandbox, source: string, ...args: string[]): Promise<Server> {
  await mkdir(join(sandbox.folder, 'app'))
  await writeFile(join(sandbox.folder, 'app/index.ts'), source)
  return sandbox.launch('dev', join(sandbox.folder, 'app'), '0', '-b', '127.0.0.1', ...args)
}

/** The address at which it shows the reason. */
async function shownAt(server: Server): Promise<string> {
  await server.says('shows why')
  return /until then (\S+) shows why/.exec(server.stderr)![1]!
}

const save = (sandbox: Sandbox, source: string): Promise<void> =>
  writeFile(join(sandbox.folder, 'app/index.ts'), source)

describe('dev whose first start fails', () => {
  const fault = `export default () => new Response(`
  test.each<[string, string, string, readonly string[]]>([
    ['a syntax error', `${fault}'x'`, 'index.ts:1:', []],
    ['a package that is not installed', `import 'no-such-package'\n${fault}'x')`, 'no-such-package', []],
    ['an exception at import', `throw new Error('no database')`, 'no database', []],
    ['no handler', `export const a = 1`, 'handler', []],
    [
      'a failing ready()',
      `${fault}'x')\nexport const ready = () => { throw new Error('no cache') }`,
      'no cache',
      [],
    ],
    ['an endless boot', `await Bun.sleep(60_000)`, 'not ready within', ['--boot-timeout', '1s']],
  ])('by %s says why and serves the next save that works', async (_, broken, reason, args) => {
    await using sandbox = await Sandbox.create()
    const server = await startBroken(sandbox, broken, ...args)
    await server.says('waiting for a file to change')
    expect(server.stderr).toContain(reason)
    await save(sandbox, `${fault}'still broken'`)
    await server.says('refused')
    await save(sandbox, `${fault}'repaired')`)
    await server.ready()
    expect(await (await fetch(server.url)).text()).toBe('repaired')
    await save(sandbox, `${fault}'and again')`)
    await until('it is served', async () => (await (await fetch(server.url)).text()) === 'and again')
    server.kill('SIGTERM')
    expect((await server.finished()).code).toBe(0)
  })

  test('answers every request with the reason at once, until the code is repaired', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startBroken(sandbox, `${fault}'x'\n\n<b>`)
    const url = await shownAt(server)
    const ask = async (accept: string): Promise<[Response, string]> => {
      const response = await fetch(url, { headers: { accept } })
      return [response, await response.text()]
    }
    const [page, html] = await ask('text/html,*/*;q=0.8')
    expect([page.status, page.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8'])
    expect(html).toMatch(/could not be compiled[^]*<span class="marked">&gt; \d \| [^]*&lt;b&gt;/)
    expect(html).toContain('http-equiv="refresh"')
    const [json, body] = await ask('application/json')
    expect([json.status, JSON.parse(body)]).toEqual([
      503,
      {
        error: 'Service Unavailable',
        reason: expect.stringMatching(/index\.ts:\d+:\d+ could not be compiled/),
      },
    ])
    const [plain, text] = await ask('*/*')
    expect([plain.status, text]).toEqual([
      503,
      expect.stringMatching(/^Service Unavailable: .*index\.ts:\d+:\d+/),
    ])
    await save(sandbox, `throw new Error('no database')`)
    await until('the newer reason is shown', async () => (await ask('*/*'))[1].includes('no database'))
    await save(sandbox, `${fault}'repaired')`)
    await server.ready()
    expect(await (await fetch(url)).text()).toBe('repaired')
    await save(sandbox, `${fault}`)
    await server.says('refused')
    expect(await (await fetch(url)).text()).toBe('repaired')
  })

  test('a request that came before the reason was known gets it', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startBroken(sandbox, `await Bun.sleep(1_000); throw new Error('no database')`)
    const url = await until('it listens', () => findInstances(sandbox.env())[0]?.url)
    const response = await fetch(url, { headers: { accept: 'application/json' } })
    expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('no database')])
    expect(server.stderr).toContain('shows why')
  })

  test('ends by Ctrl-C while it waits', async () => {
    await using sandbox = await Sandbox.create()
    const server = await startBroken(sandbox, `${fault}'x'`)
    await server.says('waiting for a file to change')
    server.interrupt()
    expect((await server.finished()).code).toBe(130)
    await until('no process is left', async () => (await sandbox.processes()).length === 0)
  })
})

test('dev leaves no old workers with open event streams behind', async () => {
  await using sandbox = await Sandbox.create()
  const source = (version: number): string => `
    async function* events() { for (;;) { yield 'data: ${version}\\n\\n'; await Bun.sleep(20) } }
    const type = { 'content-type': 'text/event-stream' }
    export default ({ url }) =>
      url.endsWith('/events') ? new Response(events(), { headers: type }) : new Response('${version}')`
  await mkdir(join(sandbox.folder, 'app'))
  await save(sandbox, source(0))
  const server = await sandbox.start('dev', join(sandbox.folder, 'app'), '0', '-b', '127.0.0.1', 'w:1')
  /** Connects again when its stream has ended, as a page does. */
  const heard: string[] = []
  const leaving = new AbortController()
  const page = (async () => {
    while (!leaving.signal.aborted) {
      const response = await fetch(`${server.url}/events`, { signal: leaving.signal })
      for await (const bytes of response.body!) heard.push(new TextDecoder().decode(bytes))
    }
  })().catch(() => {})
  for (let version = 1; version <= 6; version += 1) {
    await save(sandbox, source(version))
    await until(`the page hears of ${version}`, () => heard.at(-1)?.includes(`data: ${version}`))
    const { workers } = await sandbox.snapshot(server)
    expect(workers.length).toBeLessThanOrEqual(3)
  }
  await until('one worker is left', async () => (await sandbox.snapshot(server)).workers.length === 1)
  const stoppedAt = performance.now()
  server.kill('SIGTERM')
  expect((await server.finished()).code).toBe(0)
  // An open page does not delay the stop.
  expect(performance.now() - stoppedAt).toBeLessThan(10_000)
  leaving.abort()
  await page
})
