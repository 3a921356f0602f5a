import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../condition.ts'
import { expectNothingFailed } from '../load-verdict.ts'
import type { Finished, Sandbox } from '../sandbox.ts'
import type { BlackBoxScenario } from '../scenario.ts'
import type { Verdict } from '../verdict.ts'

interface BadRelease {
  readonly source: string
  readonly flags?: readonly string[]
  /** Longest time until it is refused. */
  readonly limitMs: number
  /** What the message must have in it. */
  readonly message: RegExp
}

/** A release that must not get through: refused, said why, nothing lost, nothing left. */
async function expectRefused(sandbox: Sandbox, verdict: Verdict, release: BadRelease): Promise<Finished> {
  await sandbox.serve({ flags: release.flags ?? [] })
  const before = await sandbox.status()
  const processes = sandbox.processes().length
  const load = sandbox.startLoad()
  writeFileSync(join(sandbox.app, 'version.ts'), release.source)
  const refused = await sandbox.reload()
  const { code, stderr, tookMs } = refused
  const after = await sandbox.status()
  verdict.expect(code === 8, `the reload ended with ${code}`)
  verdict.expect(tookMs <= release.limitMs, `it took ${Math.round(tookMs)} ms`)
  verdict.expect(
    release.message.test(stderr),
    `the message does not match ${release.message}: ${stderr.trim()}`,
  )
  verdict.expect(after?.generation === before?.generation, 'the generation has changed')
  verdict.expect(after?.lastRefusal !== null, 'status names no refusal')
  await until('the candidate is gone', () => sandbox.processes().length === processes, 5000)
  expectNothingFailed(verdict, await load.stop())
  verdict.figure(`exit ${code} after ${Math.round(tookMs)} ms`)
  return refused
}

const S09: BlackBoxScenario = {
  id: 'S09',
  title: 'a release with a syntax error',
  async run(sandbox, verdict) {
    const source = "export const VERSION = 'bad'\nexport const broken = (\n"
    const { stderr } = await expectRefused(sandbox, verdict, {
      source,
      limitMs: 5000,
      message: /version\.ts/,
    })
    verdict.expect(stderr.includes('^') && stderr.includes('> '), 'no code frame')
    verdict.expect(/version\.ts:\d+/.test(stderr), `no file:line in: ${stderr.trim().split('\n')[0]}`)
  },
}

const S10: BlackBoxScenario = {
  id: 'S10',
  title: 'a release that throws on import, or imports what is missing',
  async run(sandbox, verdict) {
    const source = "export const VERSION = 'bad'\nthrow new Error('the database moved')\n"
    await expectRefused(sandbox, verdict, { source, limitMs: 5000, message: /the database moved/ })
    sandbox.deployWith('bad', "import 'no-such-package-anywhere'")
    const missing = await sandbox.reload()
    verdict.expect(missing.code === 8, `a missing module ended with ${missing.code}`)
    verdict.expect(missing.stderr.includes('no-such-package-anywhere'), 'the missing module is not named')
  },
}

const S11: BlackBoxScenario = {
  id: 'S11',
  title: 'a release that never becomes ready',
  shortened: 'boot timeout 3 s',
  async run(sandbox, verdict) {
    const source = "export const VERSION = 'bad'\nawait new Promise(() => setInterval(() => {}, 1000))\n"
    const { tookMs } = await expectRefused(sandbox, verdict, {
      source,
      flags: ['--boot-timeout', '3s'],
      limitMs: 3800,
      message: /ready|time/,
    })
    verdict.expect(tookMs >= 2700, `refused after ${Math.round(tookMs)} ms already`)
  },
}

const S12: BlackBoxScenario = {
  id: 'S12',
  title: 'a release whose health path answers 500',
  async run(sandbox, verdict) {
    sandbox.extendEntry(
      "import * as release from './version.ts'\nif ('unwell' in release) ROUTES['/up'] = () => new Response('no', { status: 500 })".replace(
        "ROUTES['/up']",
        "(ROUTES as Record<string, Route>)['/up']",
      ),
    )
    const source = "export const VERSION = 'bad'\nexport const unwell = true\n"
    await expectRefused(sandbox, verdict, {
      source,
      flags: ['--health', '/up'],
      limitMs: 5000,
      message: /500/,
    })
  },
}

const S14: BlackBoxScenario = {
  id: 'S14',
  title: 'a release that starts in three workers of four',
  async run(sandbox, verdict) {
    const source =
      "export const VERSION = 'bad'\nif (process.env['RIP_WORKER_ID'] === '3') throw new Error('not in worker three')\n"
    await expectRefused(sandbox, verdict, { source, limitMs: 10_000, message: /not in worker three/ })
    verdict.expect((await sandbox.version()) === 'v0', 'the old release does not serve')
  },
}

export const REFUSALS: readonly BlackBoxScenario[] = [S09, S10, S11, S12, S14]
