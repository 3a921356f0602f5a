import { readdirSync } from 'node:fs'
import { Writable } from 'node:stream'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'bun:test'
import type { ExitReason } from '../../src/snapshot.ts'
import { superviseApp } from '../../src/supervise-app.ts'
import { temporaryFolder, waitFor } from '../real.ts'
import { leaveNothingBehind } from './leave-nothing-behind.ts'
import { Router } from './router.ts'

const TEST_TIMEOUT_MS = 30_000
const STUCK_AFTER_MS = 1_000

leaveNothingBehind()

const app = `
import { execSync } from 'node:child_process'

const blocks = {
  '/loop': () => { while (true) {} },
  '/regexp': () => { while (true) /(x+x+)+y/.test('x'.repeat(40)) },
  '/json': () => { while (true) JSON.parse(JSON.stringify(Array(10_000).fill({ a: 1 }))) },
  '/lock': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000),
  '/sleep': () => Bun.sleepSync(60_000),
  '/command': () => execSync('sleep 60'),
}

export default async (request) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/waits') await Bun.sleep(60_000)
  if (pathname === '/later') await Bun.sleep(10)
  blocks[pathname === '/later' ? '/loop' : pathname]?.()
  return new Response('ok')
}
`

const silent = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })

/** What is told of a worker that serves `/waits` and is then asked for a path that blocks it. */
async function blockedBy(path: string): Promise<Extract<ExitReason, { kind: 'stuck-loop' }>> {
  await using folder = await temporaryFolder()
  await using run = await temporaryFolder()
  await writeFile(folder.at('index.ts'), app)
  const router = new Router()
  await using supervised = await superviseApp({
    root: folder.path,
    runDir: run.at('run'),
    command: {
      argv: [process.execPath, fileURLToPath(import.meta.resolve('@rip/worker/main')), folder.at('index.ts')],
    },
    workers: 1,
    upstreams: router,
    output: { stdout: silent(), stderr: silent() },
    beaconMs: 100,
    stuckAfterMs: STUCK_AFTER_MS,
    killGraceMs: 100,
    drainTimeoutMs: 100,
  })
  const { manager } = supervised
  await manager.start()
  const { promise, resolve } = Promise.withResolvers<ExitReason>()
  using _exited = manager.on('worker-exited', ({ reason }) => resolve(reason))
  const waiting = router.fetch('/waits').catch(() => {})
  await waitFor('it to be in flight', () => manager.snapshot.workers[0]?.inFlight === 1)
  const blocking = router.fetch(path).catch(() => {})
  const reason = await promise
  await Promise.all([waiting, blocking])
  const boards = readdirSync(run.at('run')).filter((name) => name.endsWith('.requests'))
  expect(boards.length).toBeLessThanOrEqual(1)
  if (reason.kind !== 'stuck-loop') throw new Error(`it ended as ${reason.kind}`)
  return reason
}

for (const path of ['/loop', '/regexp', '/json']) {
  test.skipIf(process.platform !== 'linux')(
    `a handler that computes for ever is named: ${path}`,
    async () => {
      const { silentMs, blockage } = await blockedBy(path)
      expect(silentMs).toBeGreaterThanOrEqual(STUCK_AFTER_MS)
      expect(blockage).toMatchObject({
        activity: { kind: 'computing' },
        requests: [
          { method: 'GET', path, executing: true },
          { method: 'GET', path: '/waits', executing: false },
        ],
      })
      for (const { ageMs } of blockage.requests) expect(ageMs).toBeGreaterThanOrEqual(STUCK_AFTER_MS - 200)
    },
    TEST_TIMEOUT_MS,
  )
}

const waits: readonly (readonly [string, RegExp])[] = [
  ['/lock', /futex/],
  ['/sleep', /nanosleep/],
  ['/command', /poll|wait/],
]

for (const [path, waitsIn] of waits) {
  test.skipIf(process.platform !== 'linux')(
    `a handler that waits in a system call is told with it: ${path}`,
    async () => {
      const { activity, requests } = (await blockedBy(path)).blockage
      expect(activity.kind).toBe('waiting')
      // The kernel may hide the name from us.
      if (activity.kind === 'waiting' && activity.waitsIn !== undefined)
        expect(activity.waitsIn).toMatch(waitsIn)
      expect(requests[0]).toMatchObject({ path, executing: true })
    },
    TEST_TIMEOUT_MS,
  )
}

test(
  'after its first await no request is accused, but it is among those under way',
  async () => {
    const { activity, requests } = (await blockedBy('/later')).blockage
    expect(activity.kind).toBe('computing')
    expect(requests).toMatchObject([
      { path: '/waits', executing: false },
      { path: '/later', executing: false },
    ])
  },
  TEST_TIMEOUT_MS,
)
