import { describe, expect, test } from 'bun:test'
import type { ProcessSpec, Service } from '../../src/contract/ports.ts'
import type { DrainReport } from '../../src/contract/router.ts'
import { fakeClock, fakeProcesses } from '../../src/testing.ts'
import { createRig, type Rig, startedRig } from './rig.ts'

const spec: ProcessSpec = { name: 'balancer', command: ['balancer'], cwd: '/', env: {} }

function balancer(overrides: Partial<Service> = {}): Service {
  return { name: 'balancer', spec: () => spec, ready: async () => {}, ...overrides }
}

function balancers({ processes }: Rig): typeof processes.all {
  return processes.all.filter((process) => process.spec.name === 'balancer')
}

describe('a service', () => {
  test('is started with the workers, and nothing is routed before it is ready', async () => {
    const ready = Promise.withResolvers<void>()
    await using rig = createRig({ services: [balancer({ ready: () => ready.promise })] })
    const started = rig.manager.start()
    await rig.clock.advance(2_000)
    expect(rig.router.calls).toEqual([])
    ready.resolve()
    await rig.during(started)
    expect(rig.router.calls).toEqual(['prepare w1.1,w2.1', 'cut'])
  })

  test('is started while the folder is still looked through, and so is what builds and serves its content', async () => {
    const looked = Promise.withResolvers<void>()
    const prepared: string[] = []
    const { spawner } = fakeProcesses(fakeClock())
    await using rig = createRig({
      services: [balancer()],
      watcher: { start: () => looked.promise, close: async () => {} },
      builder: {
        build: async ({ generation }) => ({ ok: true, snapshot: { generation } }),
        prepare: () => void prepared.push('builder'),
      },
      spawner: {
        spawn: (started) => {
          prepared.push(started.name)
          return spawner.spawn(started)
        },
        prepare: ({ command, lateVariables = [] }) =>
          void prepared.push(`${command.join(' ')} without ${lateVariables.at(0)}`),
      },
    })
    const failure = rig.manager.start().catch((reason: unknown) => reason)
    await rig.clock.advance(1)
    expect(prepared).toEqual(['builder', 'worker without RIP_SOCKET', 'balancer'])
    looked.resolve()
    await rig.during(rig.manager.close({ now: true }))
    expect(await failure).toMatchObject({ code: 'STOPPING' })
  })

  test('that dies is respawned at once and told the current routing again', async () => {
    await using rig = await startedRig({ services: [balancer()] })
    rig.router.forget()
    balancers(rig)[0]!.crash({ signal: 'SIGKILL' })
    await rig.clock.advance(10)
    expect(balancers(rig)).toHaveLength(2)
    expect(rig.router.rotation.map(({ id }) => id)).toEqual(['w1.1', 'w2.1'])
    expect(rig.manager.status.workers.every(({ state }) => state === 'ready')).toBe(true)
  })

  test('that keeps dying is respawned ever more slowly', async () => {
    await using rig = await startedRig({ services: [balancer()] })
    for (let tick = 0; tick < 600; tick += 1) {
      for (const process of balancers(rig)) process.crash({ code: 1 })
      await rig.clock.advance(100)
    }
    expect(balancers(rig).length).toBeLessThan(15)
    expect(rig.processes.alive.filter(({ spec: { name } }) => name !== 'balancer')).toHaveLength(2)
  })

  test('that has ended and does not come back is told by the status, with how it ended and when the next one starts', async () => {
    await using rig = await startedRig({ services: [balancer()], random: () => 0.9 })
    expect(rig.manager.status).toMatchObject({ health: 'ok', healthReasons: [] })
    for (let tick = 0; tick < 100; tick += 1) {
      for (const process of balancers(rig)) process.crash({ code: 5 })
      await rig.clock.advance(50)
    }
    const { health, healthReasons, readyWorkers } = rig.manager.status
    expect([health, readyWorkers]).toEqual(['degraded', 2])
    expect(healthReasons).toEqual([
      expect.stringMatching(/^the balancer has ended \(exit code 5\); the next one starts in \d+ s$/),
    ])
    await rig.clock.advance(60_000)
    expect(rig.manager.status).toMatchObject({ health: 'ok', healthReasons: [] })
    expect(rig.events.filter(({ type }) => type === 'health').at(-2)).toMatchObject({ health: 'degraded' })
  })

  test('that never gets ready fails the start with what it wrote', async () => {
    await using rig = createRig({
      services: [balancer({ ready: () => new Promise(() => {}) })],
    })
    rig.processes.behave(({ name }) =>
      name === 'balancer' ? { exitsAtBoot: 2, stderr: 'no such option' } : {},
    )
    const error: unknown = await rig.during(rig.manager.start()).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'SERVICE_FAILED',
      detail: { service: 'balancer', stderr: 'no such option' },
    })
  })

  interface Beat {
    stuck: boolean
    readonly service: Service
  }

  /** A beat that answers until the test makes it stuck. */
  function beating(): Beat {
    const state: Beat = {
      stuck: false,
      service: balancer({
        alive: ({ signal }) =>
          state.stuck
            ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
            : Promise.resolve(),
      }),
    }
    return state
  }

  test('that stands still is killed and replaced', async () => {
    const beat = beating()
    await using rig = await startedRig({ services: [beat.service] })
    await rig.clock.advance(60_000)
    expect(balancers(rig)).toHaveLength(1)
    beat.stuck = true
    await rig.clock.advance(9_000)
    expect(balancers(rig)[0]!.signals).toEqual([])
    await rig.clock.advance(7_000)
    expect(balancers(rig)[0]!.signals).toEqual(['SIGKILL'])
    beat.stuck = false
    await rig.clock.advance(100)
    expect(balancers(rig)).toHaveLength(2)
    expect(rig.events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        message: expect.stringMatching(/^balancer has not answered for 1\d s/),
      }),
    )
  })

  test('is not judged by a time in which nothing could be opened to ask it', async () => {
    const lack = Object.assign(new TypeError('EMFILE'), { code: 'EMFILE' })
    let reason: Error | undefined
    const alive = async (): Promise<void> => {
      if (reason !== undefined) throw reason
    }
    await using rig = await startedRig({ services: [balancer({ alive })] })
    reason = new Error('the balancer does not answer', { cause: lack })
    await rig.clock.advance(60_000)
    expect(balancers(rig)[0]!.signals).toEqual([])
    reason = new Error('the balancer does not answer')
    await rig.clock.advance(15_000)
    expect(balancers(rig)[0]!.signals).toEqual(['SIGKILL'])
  })

  test('is not judged by a time in which we did not run ourselves', async () => {
    const beat = beating()
    await using rig = await startedRig({ services: [beat.service] })
    await rig.clock.advance(1_000)
    beat.stuck = true
    await rig.clock.advance(2_500)
    rig.clock.suspend(60_000)
    await rig.clock.advance(10)
    beat.stuck = false
    await rig.clock.advance(60_000)
    expect(balancers(rig)).toHaveLength(1)
    expect(balancers(rig)[0]!.signals).toEqual([])
  })

  test('in front of the workers leaves before them', async () => {
    const rig = await startedRig({ services: [balancer({ isRouter: true })] })
    const left: string[] = []
    for (const process of rig.processes.alive) void process.exited.then(() => left.push(process.spec.name))
    await rig.during(rig.manager.close())
    expect(left).toEqual(['balancer', 'w1', 'w2'])
  })

  test('beside the workers leaves after them', async () => {
    const rig = await startedRig({ services: [balancer()] })
    const left: string[] = []
    for (const process of rig.processes.alive) void process.exited.then(() => left.push(process.spec.name))
    await rig.during(rig.manager.close())
    expect(left).toEqual(['w1', 'w2', 'balancer'])
    expect(balancers(rig)[0]!.signals).toEqual(['SIGTERM'])
  })

  test('may be told to leave by the end of its input, which no signal to all processes can be mistaken for', async () => {
    const rig = await startedRig({ services: [balancer({ isRouter: true, leavesBy: 'end-of-input' })] })
    await rig.during(rig.manager.close())
    expect(balancers(rig)[0]).toMatchObject({ signals: [], inputEnded: true, alive: false })
  })

  test('in front may take as long as requests may to finish, and tells what it gave up on', async () => {
    const { promise, resolve } = Promise.withResolvers<DrainReport>()
    const services = [balancer({ isRouter: true, leave: () => promise })]
    const rig = createRig({ services, drainTimeoutMs: 20_000 })
    await rig.during(rig.manager.start())
    const [service] = balancers(rig)
    const closing = rig.manager.close()
    await rig.clock.advance(19_000)
    expect(rig.processes.alive).toEqual([service!])
    resolve({ abandoned: 2 })
    expect(await rig.during(closing)).toEqual({ abandoned: 2 })
    expect(rig.events.at(-1)).toMatchObject({ type: 'stopped', abandoned: 2 })
    expect(service!.signals).toEqual(['SIGTERM'])
  })

  test('in front that cannot be ordered to leave is told as any other', async () => {
    const leave = (): Promise<DrainReport> => Promise.reject(new Error('it has no socket any more'))
    const rig = await startedRig({ services: [balancer({ isRouter: true, leave })] })
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 0 })
    expect(balancers(rig)[0]!.signals).toEqual(['SIGTERM'])
  })

  test('in front that had to be killed has lost something', async () => {
    const leave = (): Promise<DrainReport> => Promise.withResolvers<DrainReport>().promise
    const rig = await startedRig({ services: [balancer({ isRouter: true, leave })] })
    balancers(rig)[0]!.freeze()
    const closing = rig.manager.close()
    expect(await rig.during(closing)).toEqual({ abandoned: 1 })
  })

  test('in front leaves although the router does not answer any more', async () => {
    const services = [balancer({ isRouter: true })]
    const rig = await startedRig({ services, stopAccepting: () => Promise.reject(new Error('gone')) })
    await rig.during(rig.manager.close())
    expect(balancers(rig)[0]!.signals).toEqual(['SIGTERM'])
  })

  test('that does not leave is killed', async () => {
    const rig = await startedRig({ services: [balancer({ isRouter: true })] })
    balancers(rig)[0]!.freeze()
    await rig.during(rig.manager.close())
    expect(balancers(rig)[0]!.signals).toContain('SIGKILL')
    expect(rig.processes.alive).toHaveLength(0)
  })
})

describe('the router', () => {
  test('that does not follow is told again, and nobody drains before it has', async () => {
    await using rig = await startedRig()
    rig.router.fail(new Error('connection refused'))
    const scaled = rig.manager.scale(1)
    await rig.clock.advance(3_000)
    expect(rig.processes.all[1]!.received.map(({ type }) => type)).not.toContain('drain')
    rig.router.fail(undefined)
    await rig.during(scaled)
    await rig.clock.advance(2_000)
    expect(rig.processes.alive).toHaveLength(1)
    expect(rig.events.filter(({ type }) => type === 'warning')).toHaveLength(1)
  })

  test('that throws instead of promising anything is told again', async () => {
    await using rig = await startedRig()
    const prepare = rig.router.prepare.bind(rig.router)
    let thrown = 0
    rig.router.prepare = (generation, backends) => {
      if (++thrown > 2) return prepare(generation, backends)
      throw new Error('not connected')
    }
    await rig.during(rig.manager.scale(3))
    expect([thrown, rig.routed().length]).toEqual([3, 3])
  })

  test('that cannot switch leaves the old generation serving', async () => {
    await using rig = await startedRig()
    const serving = rig.manager.status.generation!
    rig.router.fail(new Error('connection refused'))
    rig.files.writeUnseen('app.ts', 'v2')
    const result = await rig.during(rig.manager.reload())
    expect(result).toMatchObject({ ok: false, refusal: { code: 'routing-failed' } })
    rig.router.fail(undefined)
    await rig.clock.advance(5_000)
    expect(rig.manager.status.generation).toBe(serving)
    expect(rig.router.serving).toBe(serving)
    expect(rig.processes.alive).toHaveLength(2)
  })
})
