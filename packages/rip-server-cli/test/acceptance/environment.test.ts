import { expect } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {} from '@rip/testing'
import { figure, long, short } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'

short(
  'a reload takes over .env key by key and a new lockfile; an invalid configuration is refused with all mistakes',
  async (sandbox) => {
    const dotenv = join(sandbox.app, '.env')
    writeFileSync(dotenv, 'KEPT=1\nCHANGED=old\nREMOVED=1\n')
    await sandbox.serve({ workers: 2 })
    const load = sandbox.startLoad()
    const read = async (key: string): Promise<unknown> => (await sandbox.get(`/env?k=${key}`)).json()
    writeFileSync(dotenv, 'KEPT=1\nCHANGED=new\nADDED=1\n')
    const { code, stderr } = await sandbox.reload()
    expect(code, `the reload ended with ${code}: ${stderr.trim()}`).toBe(0)
    const found = await Promise.all(['KEPT', 'CHANGED', 'ADDED', 'REMOVED'].map(read))
    expect(JSON.stringify(found), `found ${JSON.stringify(found)}`).toBe('["1","new","1",null]')
    const before = await sandbox.status()
    writeFileSync(join(sandbox.app, 'bun.lock'), '{ "lockfileVersion": 1 }\n')
    const locked = await sandbox.reload()
    const after = await sandbox.status()
    expect(locked.code, `a new lockfile: the reload ended with ${locked.code}: ${locked.stderr.trim()}`).toBe(
      0,
    )
    expect(before?.generation, 'a new lockfile is no new generation').not.toBe(after?.generation)
    expectNothingFailed(await load.stop())
    const invalid = join(sandbox.folder, 'invalid')
    mkdirSync(invalid)
    writeFileSync(
      join(invalid, 'rip-server.config.ts'),
      "export default { workers: 'many', drainTimout: '5s' }\n",
    )
    writeFileSync(join(invalid, 'app.ts'), "export default () => new Response('hi')\n")
    const refused = await sandbox.run('start', invalid, '--port', '0')
    expect(refused.code, `an invalid configuration ended with ${refused.code}`).toBe(5)
    expect(
      /workers/.test(refused.stderr) && /drainTimeout/.test(refused.stderr),
      `not both mistakes are told: ${refused.stderr.trim()}`,
    ).toBe(true)
    figure(`added, changed and removed key seen; invalid configuration: exit ${refused.code}`)
  },
)

long('a run directory inside the application is not part of its content', async (sandbox) => {
  const flags = ['--run-dir', join(sandbox.app, 'run')]
  const server = await sandbox.serve({ mode: 'dev', workers: 1, flags, runDir: join(sandbox.app, 'run') })
  const before = await sandbox.status()
  await Bun.sleep(3000)
  const after = await sandbox.status()
  expect(before?.generation, 'the generation has changed by itself').toBe(after?.generation)
  const { code, stdout } = await sandbox.run('reload', ...flags)
  expect(code === 0 && /already/.test(stdout), `a reload of the same content: ${code} ${stdout}`).toBe(true)
  server.kill('SIGTERM')
  expect(await server.exited(), 'it did not end well').toBe(0)
  figure('the generation stays, a reload finds nothing new')
})
