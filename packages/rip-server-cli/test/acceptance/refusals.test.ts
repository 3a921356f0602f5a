import { expect } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Finished, type ReleaseSandbox, until } from '@rip/testing'
import { expectWithin, figure, long, short } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'

interface BadRelease {
  readonly source: string
  readonly flags?: readonly string[]
  /** Longest time until the refusal. */
  readonly limitMs: number
  /** Pattern in the message. */
  readonly message: RegExp
}

/** Expects that a bad release is refused with its reason, that no request is lost, and that nothing is left. */
async function expectRefused(sandbox: ReleaseSandbox, release: BadRelease): Promise<Finished> {
  await sandbox.serve({ flags: release.flags ?? [] })
  const before = await sandbox.status()
  await until('the builder has gone', async () => !/builder\.[jt]s/.test(await sandbox.commands()))
  const processes = (await sandbox.processes()).length
  const load = sandbox.startLoad()
  writeFileSync(join(sandbox.app, 'version.ts'), release.source)
  const refused = await sandbox.reload()
  const { code, stderr, tookMs } = refused
  const after = await sandbox.status()
  expect(code, `the reload ended with ${code}`).toBe(8)
  expectWithin(release.limitMs, tookMs, `it took ${Math.round(tookMs)} ms`)
  expect(stderr, `the message does not match ${release.message}: ${stderr.trim()}`).toMatch(release.message)
  expect(after?.generation, 'the generation has changed').toBe(before?.generation)
  expect(after?.lastRefusal, 'status names no refusal').not.toBe(null)
  await until('the candidate is gone', async () => (await sandbox.processes()).length === processes, 5000)
  expectNothingFailed(await load.stop())
  figure(`exit ${code} after ${Math.round(tookMs)} ms`)
  return refused
}

long('a release with a syntax error is refused, with file, line and code frame', async (sandbox) => {
  const source = "export const VERSION = 'bad'\nexport const broken = (\n"
  const { stderr } = await expectRefused(sandbox, {
    source,
    limitMs: 5000,
    message: /version\.ts/,
  })
  expect(stderr.includes('^') && stderr.includes('> '), 'no code frame').toBe(true)
  expect(stderr, `no file:line in: ${stderr.trim().split('\n')[0]}`).toMatch(/version\.ts:\d+/)
})

short(
  'a release that throws on import, or imports what is missing, is refused with the reason',
  async (sandbox) => {
    const source = "export const VERSION = 'bad'\nthrow new Error('the database moved')\n"
    await expectRefused(sandbox, { source, limitMs: 5000, message: /the database moved/ })
    sandbox.deploy('bad', "import 'no-such-package-anywhere'")
    const missing = await sandbox.reload()
    expect(missing.code, `a missing module ended with ${missing.code}`).toBe(8)
    expect(missing.stderr, 'the missing module is not named').toContain('no-such-package-anywhere')
  },
)

long('a release that never becomes ready is refused when its boot timeout is over', async (sandbox) => {
  const source = "export const VERSION = 'bad'\nawait new Promise(() => setInterval(() => {}, 1000))\n"
  const { tookMs } = await expectRefused(sandbox, {
    source,
    flags: ['--boot-timeout', '3s'],
    limitMs: 3800,
    message: /ready|time/,
  })
  expect(tookMs, `refused after ${Math.round(tookMs)} ms already`).toBeGreaterThanOrEqual(2700)
})

long('a release whose health path answers 500 is refused', async (sandbox) => {
  sandbox.extendEntry(
    "import * as release from './version.ts'\nif ('unwell' in release) ROUTES['/up'] = () => new Response('no', { status: 500 })".replace(
      "ROUTES['/up']",
      "(ROUTES as Record<string, Route>)['/up']",
    ),
  )
  const source = "export const VERSION = 'bad'\nexport const unwell = true\n"
  await expectRefused(sandbox, {
    source,
    flags: ['--health', '/up'],
    limitMs: 5000,
    message: /500/,
  })
})

short('a release that starts in three workers of four is refused', async (sandbox) => {
  const source =
    "export const VERSION = 'bad'\nif (process.env['RIP_WORKER_ID'] === '3') throw new Error('not in worker three')\n"
  await expectRefused(sandbox, { source, limitMs: 10_000, message: /not in worker three/ })
  expect(await sandbox.version(), 'the old release does not serve').toBe('v0')
})
