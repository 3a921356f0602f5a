import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expectNothingFailed } from '../load-verdict.ts'
import type { BlackBoxScenario } from '../scenario.ts'

const S62: BlackBoxScenario = {
  id: 'S62',
  title: '.env changes key by key; an invalid configuration changes nothing',
  async run(sandbox, verdict) {
    const dotenv = join(sandbox.app, '.env')
    writeFileSync(dotenv, 'KEPT=1\nCHANGED=old\nREMOVED=1\n')
    await sandbox.serve({ workers: 2 })
    const load = sandbox.startLoad()
    const read = async (key: string): Promise<unknown> => (await sandbox.get(`/env?k=${key}`)).json()
    writeFileSync(dotenv, 'KEPT=1\nCHANGED=new\nADDED=1\n')
    const { code, stderr } = await sandbox.reload()
    verdict.expect(code === 0, `the reload ended with ${code}: ${stderr.trim()}`)
    const found = await Promise.all(['KEPT', 'CHANGED', 'ADDED', 'REMOVED'].map(read))
    verdict.expect(JSON.stringify(found) === '["1","new","1",null]', `found ${JSON.stringify(found)}`)
    const before = await sandbox.status()
    writeFileSync(join(sandbox.app, 'bun.lock'), '{ "lockfileVersion": 1 }\n')
    const locked = await sandbox.reload()
    const after = await sandbox.status()
    verdict.expect(
      locked.code === 0,
      `a new lockfile: the reload ended with ${locked.code}: ${locked.stderr.trim()}`,
    )
    verdict.expect(before?.generation !== after?.generation, 'a new lockfile is no new generation')
    expectNothingFailed(verdict, await load.stop())
    const invalid = join(sandbox.folder, 'invalid')
    mkdirSync(invalid)
    writeFileSync(
      join(invalid, 'rip-server.config.ts'),
      "export default { workers: 'many', drainTimout: '5s' }\n",
    )
    writeFileSync(join(invalid, 'app.ts'), "export default () => new Response('hi')\n")
    const refused = await sandbox.command('start', invalid, '--port', '0')
    verdict.expect(refused.code === 5, `an invalid configuration ended with ${refused.code}`)
    verdict.expect(
      /workers/.test(refused.stderr) && /drainTimeout/.test(refused.stderr),
      `not both mistakes are told: ${refused.stderr.trim()}`,
    )
    verdict.figure(`added, changed and removed key seen; invalid configuration: exit ${refused.code}`)
  },
}

const RUN_DIR: BlackBoxScenario = {
  id: 'S62b',
  title: 'a run directory inside the application is not part of its content',
  async run(sandbox, verdict) {
    const flags = ['--run-dir', join(sandbox.app, 'run')]
    const server = await sandbox.serve({ mode: 'dev', workers: 1, flags, runDir: join(sandbox.app, 'run') })
    const before = await sandbox.status()
    await Bun.sleep(3000)
    const after = await sandbox.status()
    verdict.expect(before?.generation === after?.generation, 'the generation has changed by itself')
    const { code, stdout } = await sandbox.command('reload', ...flags)
    verdict.expect(code === 0 && /already/.test(stdout), `a reload of the same content: ${code} ${stdout}`)
    server.kill('SIGTERM')
    verdict.expect((await server.exited()) === 0, 'it did not end well')
    verdict.figure('the generation stays, a reload finds nothing new')
  },
}

export const ENVIRONMENT: readonly BlackBoxScenario[] = [S62, RUN_DIR]
