import { describe, expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

async function brokenApp(config?: string): Promise<Sandbox> {
  const sandbox = await Sandbox.create()
  sandbox.startFolder = join(sandbox.folder, 'shop')
  await mkdir(sandbox.startFolder)
  const source = `export default () => { throw new Error('my secret source') }\n`
  await writeFile(join(sandbox.startFolder, 'index.ts'), source)
  if (config !== undefined) await writeFile(join(sandbox.startFolder, 'rip-server.config.ts'), config)
  return sandbox
}

const get = (url: string, host: string): Promise<Response> =>
  fetch(url, { headers: { host, accept: 'text/html' } })

describe('a web page whose name resolves to this machine', () => {
  test(
    'cannot read a development server, and both sides are told how to allow it',
    async () => {
      await using sandbox = await brokenApp()
      const server = await sandbox.start(
        'dev',
        '--port',
        '0',
        '-w',
        '1',
        '--allow-host',
        'shop.test',
        '--allow-host',
        '*.ngrok.app',
      )
      const refused = await get(server.url, 'evil.example')
      const page = await refused.text()
      expect([refused.status, page.includes('secret')]).toEqual([403, false])
      expect(page).toContain('--allow-host evil.example')
      await until('it is told', () => server.stderr.includes('--allow-host evil.example'))
      for (const host of ['localhost', 'app.localhost', '127.0.0.1:80', 'shop.test:3000', 'a.ngrok.app'])
        expect(await (await get(server.url, host)).text()).toContain('secret source')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is answered when the configuration allows it, and in production',
    async () => {
      await using sandbox = await brokenApp(`export default { allowHosts: ['Shop.Test'] }`)
      const development = await sandbox.start('dev', '--port', '0', '-w', '1')
      expect((await get(development.url, 'shop.test')).status).toBe(500)
      expect((await get(development.url, 'evil.example')).status).toBe(403)
      await using other = await brokenApp()
      const production = await other.start('start', '--port', '0', '-w', '1')
      expect((await get(production.url, 'evil.example')).status).toBe(500)
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'invalid host names are refused',
  async () => {
    await using sandbox = await brokenApp(`export default { allowHosts: 'https://shop.test' }`)
    const { code, stderr } = await sandbox.run('dev')
    expect([code, stderr]).toEqual([5, expect.stringContaining('did you mean shop.test?')])
  },
  TEST_TIMEOUT_MS,
)
