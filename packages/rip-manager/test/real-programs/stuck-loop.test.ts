import { Writable } from 'node:stream'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'bun:test'
import type { ExitReason } from '../../src/contract/exit-reason.ts'
import { superviseApp } from '../../src/manager/supervise-app.ts'
import { temporaryFolder } from '../real.ts'
import { leaveNothingBehind } from './leave-nothing-behind.ts'
import { LocalRouter } from './local-router.ts'

const TEST_TIMEOUT_MS = 30_000
const STUCK_AFTER_MS = 1_000

leaveNothingBehind()

const app = `
const ways = {
  spins() {
    let sum = 0
    for (;;) sum = Math.sqrt(sum + 1)
  },
  sleeps() {
    Bun.sleepSync(60_000)
  },
}

export default async function handler(request) {
  await Bun.sleep(1)
  ways[new URL(request.url).pathname.slice(1)]()
}
`

const silent = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })

/** The exit reason of a worker that was asked for a path that blocks it. */
async function endOf(path: string): Promise<ExitReason> {
  await using folder = await temporaryFolder()
  await using run = await temporaryFolder()
  await writeFile(folder.at('index.ts'), app)
  const router = new LocalRouter()
  await using supervised = await superviseApp({
    root: folder.path,
    runDir: run.at('run'),
    command: {
      argv: [process.execPath, fileURLToPath(import.meta.resolve('@rip/worker/main')), folder.at('index.ts')],
    },
    workers: 1,
    router,
    output: { stdout: silent(), stderr: silent() },
    beaconMs: 100,
    stuckAfterMs: STUCK_AFTER_MS,
  })
  const { manager } = supervised
  await manager.start()
  const { promise, resolve } = Promise.withResolvers<ExitReason>()
  using _exited = manager.on('worker-exited', ({ reason }) => resolve(reason))
  const blocking = router.fetch(path).catch(() => {})
  const reason = await promise
  await blocking
  return reason
}

test.each([
  ['a loop', '/spins', /^ +at spins \(.*index\.ts/],
  ['a call that does not return', '/sleeps', /at sleeps \(.*index\.ts:8:\d+\)/],
])(
  '%s that blocks a real worker is named',
  async (_, path, frame) => {
    const reason = await endOf(path)
    expect(reason).toMatchObject({ kind: 'stuck-loop', stack: expect.stringMatching(frame) })
  },
  TEST_TIMEOUT_MS,
)
