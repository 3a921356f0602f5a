import { Writable } from 'node:stream'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'bun:test'
import { until } from '@rip/testing'
import type { ManagerStatus } from '../../src/contract/status.ts'
import { superviseApp } from '../../src/manager/supervise-app.ts'
import { temporaryFolder } from '../real.ts'
import { leaveNothingBehind } from './leave-nothing-behind.ts'
import { LocalRouter } from './local-router.ts'

const WORKERS = 4
const PAGE_BYTES = 4_096
const TEST_TIMEOUT_MS = 60_000

leaveNothingBehind()

const silent = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })
const app = (version: string): string => `export default () => new Response('${version}')\n`

/** Resident memory of the workers, by the kernel (proc_pid_statm(5)). */
function residentBytes({ workers }: ManagerStatus): number {
  return workers.reduce((sum, { pid }) => {
    try {
      return sum + Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES
    } catch {
      // ENOENT: the process has gone.
      return sum
    }
  }, 0)
}

test.skipIf(process.platform !== 'linux')(
  'with memory for half a generation more, real workers are swapped under load, and no request is lost',
  async () => {
    await using folder = await temporaryFolder()
    await using run = await temporaryFolder()
    await writeFile(folder.at('index.ts'), app('first'))
    const router = new LocalRouter()
    let limitBytes = Infinity
    const worker = fileURLToPath(import.meta.resolve('@rip/worker/main'))
    await using supervised = await superviseApp({
      root: folder.path,
      runDir: run.at('run'),
      command: { argv: [process.execPath, worker, folder.at('index.ts')] },
      workers: WORKERS,
      router,
      output: { stdout: silent(), stderr: silent() },
      beaconMs: 100,
      memory: () => ({
        availableBytes: Math.max(0, limitBytes - residentBytes(supervised.manager.status)),
      }),
    })
    const { manager } = supervised
    await manager.start()
    await until('all workers to tell what they take', () => {
      const { workers } = manager.status
      return workers.length === WORKERS && workers.every(({ rssBytes }) => rssBytes > 0)
    })
    limitBytes = 1.7 * residentBytes(manager.status)

    let mostBytes = 0
    const limited: { readonly ready: number; readonly wanted: number }[] = []
    using _limited = manager.on('surge-limited', (event) => void limited.push(event))
    const answers: string[] = []
    let asking = true
    const load = (async (): Promise<void> => {
      while (asking) {
        answers.push(await (await router.fetch('/')).text())
        mostBytes = Math.max(mostBytes, residentBytes(manager.status))
      }
    })()

    await writeFile(folder.at('index.ts'), app('second'))
    expect(await manager.reload()).toMatchObject({ ok: true })
    await until('all workers to be of the second generation', () => {
      const { workers, generation, readyWorkers } = manager.status
      const ours = workers.filter((each) => each.generation === generation)
      return readyWorkers === WORKERS && ours.length === WORKERS && workers.length === WORKERS
    })
    asking = false
    await load

    expect(limited).toMatchObject([{ wanted: WORKERS }])
    expect(limited[0]!.ready).toBeWithin(1, WORKERS)
    expect(mostBytes).toBeWithin(limitBytes / 2, limitBytes)
    expect(new Set(answers)).toEqual(new Set(['first', 'second']))
  },
  TEST_TIMEOUT_MS,
)
