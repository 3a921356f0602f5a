import { describe, expect, test } from 'bun:test'
import type { Builder } from '../../src/contract/ports.ts'
import type { BootFailure } from '@rip/worker/protocol'
import type { ManagerOptions } from '../../src/contract/options.ts'
import type { FakeBehaviour } from '../../src/testing.ts'
import { startedRig } from './rig.ts'

/** What the machine has in the way of a release: one of these. */
interface MachineFault {
  readonly env?: string
  readonly thrown?: string
  readonly reported?: string
  readonly byChance?: boolean
  readonly boot?: BootFailure
  readonly stderr?: string
  readonly verify?: string
}

/** Options of a rig whose machine has the fault when it is asked, and how its workers boot then. */
function faulty({ env, thrown, reported, byChance, boot, stderr, verify }: MachineFault): {
  readonly options: (isFaulty: () => boolean) => Partial<ManagerOptions>
  readonly behaviour: FakeBehaviour
} {
  const builder = (isFaulty: () => boolean): Builder => ({
    async build({ generation }) {
      if (isFaulty() && thrown !== undefined) throw new Error(thrown)
      if (!isFaulty() || reported === undefined) return { ok: true, snapshot: { generation } }
      const failure = { kind: 'compile', message: reported } as const
      return { ok: false, failure, ...(byChance !== undefined && { byChance }) }
    },
  })
  const options = (isFaulty: () => boolean): Partial<ManagerOptions> => ({
    builder: builder(isFaulty),
    verifier: { verify: async () => (isFaulty() ? verify : undefined) },
    env: () => {
      if (isFaulty() && env !== undefined) throw new Error(env)
      return {}
    },
  })
  if (boot !== undefined) return { options, behaviour: { failure: boot } }
  return { options, behaviour: stderr === undefined ? {} : { exitsAtBoot: 1, stderr } }
}

describe('the watcher', () => {
  test('brings a change into service without a command', async () => {
    await using rig = await startedRig()
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  test('does not try refused content again, but a command does', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ exitsAtBoot: 1 })
    rig.files.write('app.ts', 'broken')
    await rig.clock.advance(1_000)
    const tried = rig.processes.all.length
    rig.files.write('app.ts', 'broken')
    await rig.clock.advance(1_000)
    expect(rig.processes.all).toHaveLength(tried)
    expect(await rig.during(rig.manager.reload())).toMatchObject({ ok: false })
    expect(rig.processes.all).toHaveLength(tried + 1)
  })

  test('tries content again whose candidate was killed by somebody else', async () => {
    await using rig = await startedRig()
    rig.processes.behave({ neverReady: true })
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(100)
    rig.processes.last().crash({ signal: 'SIGKILL' })
    await rig.clock.advance(100)
    expect(rig.manager.status.lastRefusal).toMatchObject({ code: 'boot-failed' })
    rig.processes.behave({})
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  describe.each([
    ['the environment cannot be read', { env: "EACCES: permission denied, open '/srv/app/.env'" }],
    ['there is no room for the snapshot', { thrown: "ENOSPC: no space left on device, rename '/run/b'" }],
    ['the builder cannot be started', { thrown: 'posix_spawn: no such thing' }],
    ['the builder finds no room', { reported: "ENOSPC: no space left on device, open '/run/b/app.js'" }],
    [
      'the builder may open no more files',
      { reported: "EMFILE: too many open files, open '/srv/app/app.ts'" },
    ],
    ['the builder was killed', { reported: 'the builder ended with 137', byChance: true }],
    ['the builder gets no memory', { reported: 'the builder ended with 133: panic: Out of memory' }],
    ['the worker cannot listen', { boot: { kind: 'socket', message: 'cannot listen on /run/w1.sock' } }],
    ['the worker finds no room', { boot: { kind: 'import', message: 'ENOSPC: no space left, write' } }],
    ['a service the worker needs is down', { boot: { kind: 'ready-hook', message: 'connect ECONNREFUSED' } }],
    ['the worker dies for want of memory', { stderr: 'terminate called: std::bad_alloc' }],
    ['no connection to the worker can be opened', { verify: 'GET /up failed: EMFILE: too many open files' }],
  ] satisfies [string, MachineFault][])('while %s', (_, fault: MachineFault) => {
    test('is refused, and the same content is tried again', async () => {
      const { options, behaviour } = faulty(fault)
      let isFaulty = false
      await using rig = await startedRig(options(() => isFaulty))
      isFaulty = true
      rig.processes.behave(behaviour)
      rig.files.write('app.ts', 'v2')
      await rig.clock.advance(3_000)
      expect(rig.manager.status.lastRefusal).toMatchObject({ generation: rig.files.generation })
      isFaulty = false
      rig.processes.behave({})
      rig.files.write('app.ts', 'v2')
      await rig.clock.advance(1_000)
      expect(rig.manager.status).toMatchObject({ generation: rig.files.generation, lastRefusal: null })
    })
  })

  test('tries content again that could not be confirmed because the disk could not be read', async () => {
    await using rig = await startedRig()
    const read = rig.files.tree.read.bind(rig.files.tree)
    let reads = 0
    rig.files.tree.read = async (...options) => {
      reads += 1
      if (reads === 2) throw new Error('EIO')
      return read(...options)
    }
    rig.files.writeUnseen('app.ts', 'v2')
    expect(await rig.during(rig.manager.reload())).toMatchObject({
      ok: false,
      refusal: { code: 'build-failed', message: 'EIO' },
    })
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    expect(rig.manager.status.generation).toBe(rig.files.generation)
  })

  test('takes a refusal back when the content that serves is on disk again, and says so once', async () => {
    await using rig = await startedRig()
    const serving = rig.manager.status.generation!
    rig.files.write('app.ts', 'v2')
    await rig.clock.advance(1_000)
    const second = rig.manager.status.generation!
    expect(second).not.toBe(serving)
    for (let round = 1; round <= 2; round += 1) {
      rig.processes.behave({ exitsAtBoot: 1 })
      rig.files.write('app.ts', 'broken')
      await rig.clock.advance(1_000)
      expect(rig.manager.status).toMatchObject({
        lastRefusal: { code: 'boot-failed' },
        reloads: { refused: round },
      })
      rig.processes.behave({})
      for (let save = 1; save <= 2; save += 1) {
        rig.files.write('app.ts', 'v2')
        await rig.clock.advance(1_000)
        expect(rig.manager.status).toMatchObject({ generation: second, lastRefusal: null })
        expect(rig.events.filter(({ type }) => type === 'generation-unchanged')).toHaveLength(round)
      }
    }
  })

  test('gets an application into service that was broken at the start', async () => {
    const rig = await import('./rig.ts').then(({ createRig }) => createRig())
    await using _ = rig
    rig.processes.behave({ exitsAtBoot: 1 })
    expect(rig.during(rig.manager.start())).rejects.toThrow('cannot be served')
    await rig.clock.advance(500)
    rig.processes.behave({})
    rig.files.write('app.ts', 'fixed')
    await rig.clock.advance(1_000)
    expect(rig.manager.status).toMatchObject({ health: 'ok', readyWorkers: 2, lastRefusal: null })
  })
})
