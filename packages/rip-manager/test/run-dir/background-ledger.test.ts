import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempDisposableSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, until } from '@rip/testing'
import { createBackgroundLedger } from '../../src/run-dir/background-ledger.ts'

const drain = { drainTimeoutMs: 0 }

function temporaryFolder(): Disposable & { readonly path: string } {
  const folder = mkdtempDisposableSync(join(tmpdir(), 'rip-ledger-'))
  return { path: folder.path, [Symbol.dispose]: () => folder.remove() }
}

/** A process in a group of its own, as an earlier manager started it. */
const sleeper = (...command: string[]): Bun.Subprocess =>
  Bun.spawn(command.length > 0 ? command : ['sleep', '60'], { detached: true, stdout: 'pipe' })

describe('the ledger of background processes', () => {
  test('waits for nothing when nothing is noted', async () => {
    using folder = temporaryFolder()
    await createBackgroundLedger({ runDir: folder.path }).clear(drain)
    expect(existsSync(join(folder.path, 'background'))).toBe(false)
  })

  test('waits until a process of an earlier manager has ended, and says so', async () => {
    using folder = temporaryFolder()
    const child = sleeper()
    createBackgroundLedger({ runDir: folder.path }).note('jobs', child.pid)
    const notes: string[] = []
    const ledger = createBackgroundLedger({ runDir: folder.path, note: (message) => notes.push(message) })
    const clearing = ledger.clear({ drainTimeoutMs: 60_000 })
    await until('it waits', () => notes.length === 1)
    child.kill('SIGTERM')
    await clearing
    expect(notes).toEqual([`jobs waits for process ${child.pid} of an earlier start to end`])
    expect(existsSync(join(folder.path, 'background'))).toBe(false)
  })

  test('kills it, and all it has started, when it does not end', async () => {
    using folder = temporaryFolder()
    const child = sleeper('sh', '-c', 'trap "" TERM; sleep 60 & echo $!; wait')
    const { value } = await (child.stdout as ReadableStream<Uint8Array>).getReader().read()
    const grandchild = Number(new TextDecoder().decode(value))
    createBackgroundLedger({ runDir: folder.path }).note('jobs', child.pid)
    await createBackgroundLedger({ runDir: folder.path }).clear(drain)
    expect(await child.exited).toBe(137)
    await until('what it started is gone', () => !isAlive(grandchild))
  })

  test('leaves alone what it has noted itself, and a stranger with the number of a process that has gone', async () => {
    using folder = temporaryFolder()
    const [own, stranger] = [sleeper(), sleeper()]
    const ledger = createBackgroundLedger({ runDir: folder.path })
    ledger.note('jobs', own.pid)
    mkdirSync(join(folder.path, 'background'), { recursive: true })
    writeFileSync(join(folder.path, 'background', `jobs.${stranger.pid}`), '1')
    await ledger.clear(drain)
    expect([own, stranger].map(({ pid }) => isAlive(pid))).toEqual([true, true])
    ledger.drop('jobs', own.pid)
    expect(existsSync(join(folder.path, 'background'))).toBe(false)
    for (const child of [own, stranger]) child.kill('SIGKILL')
  })

  test('ends what a process that has gone has left in its group, and not what a stranger with its number has', async () => {
    using folder = temporaryFolder()
    mkdirSync(join(folder.path, 'background'))
    const leftBy = async (env: Record<string, string>): Promise<number> => {
      const leader = Bun.spawn(['sh', '-c', 'sleep 60 & echo $!'], {
        detached: true,
        env: { ...process.env, ...env },
      })
      const { value } = await leader.stdout.getReader().read()
      await leader.exited
      writeFileSync(join(folder.path, 'background', `jobs.${leader.pid}`), '1')
      return Number(new TextDecoder().decode(value))
    }
    const [ours, other, stranger] = [
      await leftBy({ RIP_BACKGROUND: 'jobs' }),
      await leftBy({ RIP_BACKGROUND: 'jobs2' }),
      await leftBy({}),
    ]
    await createBackgroundLedger({ runDir: folder.path }).clear(drain)
    await until('what it started is gone', () => !isAlive(ours))
    expect([other, stranger].map(isAlive)).toEqual([true, true])
    expect(existsSync(join(folder.path, 'background'))).toBe(false)
    for (const pid of [other, stranger]) process.kill(pid, 'SIGKILL')
  })

  test('takes the number of a process without a start time for that of nobody, as a full disk leaves it', async () => {
    using folder = temporaryFolder()
    const stranger = sleeper()
    mkdirSync(join(folder.path, 'background'))
    writeFileSync(join(folder.path, 'background', `jobs.${stranger.pid}`), '')
    await createBackgroundLedger({ runDir: folder.path }).clear(drain)
    expect(isAlive(stranger.pid)).toBe(true)
    expect(existsSync(join(folder.path, 'background'))).toBe(false)
    stranger.kill('SIGKILL')
  })

  test('passes over what is no file of it, and fails at nothing that it cannot remove', async () => {
    using folder = temporaryFolder()
    const ledger = createBackgroundLedger({ runDir: folder.path })
    mkdirSync(join(folder.path, 'background', 'jobs.1'), { recursive: true })
    await ledger.clear(drain)
    expect(() => ledger.drop('jobs', 1)).not.toThrow()
  })
})
