import { describe, expect, test } from 'bun:test'
import { createRig, startedRig } from './rig.ts'

describe('close with a delay', () => {
  test('reports that it stops, goes on serving, and drains when the delay is over', async () => {
    const order: string[] = []
    const rig = await startedRig({ stopDelayMs: 5_000, stopAccepting: async () => void order.push('router') })
    const closing = rig.manager.close()
    expect(rig.manager.status.health).toBe('stopping')
    await rig.clock.advance(10)
    expect(rig.events.at(-2)).toMatchObject({ type: 'stopping', delayMs: 5_000 })
    await rig.clock.advance(4_980)
    expect([order, rig.routed().length, rig.manager.status.health]).toEqual([[], 2, 'stopping'])
    expect(rig.processes.alive).toHaveLength(2)
    await rig.clock.advance(20)
    expect(order).toEqual(['router'])
    expect(await rig.during(closing)).toEqual({ abandoned: 0 })
    expect(rig.events.filter(({ type }) => type === 'stopping')).toHaveLength(1)
  })

  test('a worker that crashes meanwhile is replaced', async () => {
    const rig = await startedRig({ stopDelayMs: 5_000 })
    const closing = rig.manager.close()
    rig.processes.alive[0]!.crash()
    await rig.clock.advance(1_000)
    expect([rig.routed().length, rig.manager.status.health]).toEqual([2, 'stopping'])
    await rig.during(closing)
  })

  test('gives up a reload, and refuses commands that come meanwhile', async () => {
    const rig = await startedRig({ stopDelayMs: 5_000 })
    rig.files.writeUnseen('app.ts', 'v2')
    const before = rig.manager.reload()
    await rig.clock.advance(50)
    const closing = rig.manager.close()
    expect(await before).toMatchObject({ ok: false, refusal: { code: 'stopping' } })
    expect(await rig.manager.reload()).toMatchObject({ ok: false, refusal: { code: 'stopping' } })
    rig.files.write('app.ts', 'v3')
    await rig.clock.advance(4_000)
    expect(rig.routed()).toEqual(['w1.1', 'w2.1'])
    await rig.during(closing)
  })

  test('awaits a switch that was ordered', async () => {
    const rig = await startedRig({ stopDelayMs: 5_000 })
    rig.files.writeUnseen('app.ts', 'v2')
    const before = rig.manager.reload()
    let closing: Promise<unknown> | undefined
    const cut = rig.router.cut.bind(rig.router)
    rig.router.cut = async (generation) => {
      closing = rig.manager.close()
      return cut(generation)
    }
    expect(await rig.during(before)).toMatchObject({ ok: true, generation: rig.files.generation })
    expect(rig.manager.status).toMatchObject({ generation: rig.files.generation, health: 'stopping' })
    expect(rig.routed()).toHaveLength(2)
    await rig.during(closing!)
  })

  test.each([
    ['now', { now: true }],
    ['without the delay', { delay: false }],
  ])('a second time, %s, ends it', async (_, options) => {
    const rig = await startedRig({ stopDelayMs: 60_000 })
    const closing = rig.manager.close()
    await rig.clock.advance(1_000)
    void rig.manager.close(options)
    await rig.clock.advance(2_000)
    expect(rig.processes.alive).toHaveLength(0)
    await rig.during(closing)
  })

  test('a second time the same changes nothing', async () => {
    const rig = await startedRig({ stopDelayMs: 5_000 })
    const closing = rig.manager.close()
    await rig.clock.advance(4_000)
    void rig.manager.close()
    await rig.clock.advance(900)
    expect(rig.routed()).toHaveLength(2)
    await rig.during(closing)
    expect(rig.clock.nowMs()).toBeLessThan(8_000)
  })

  test('does not wait when nothing serves yet', async () => {
    const rig = createRig({ stopDelayMs: 60_000 })
    rig.processes.behave({ neverReady: true })
    const started = rig.manager.start().catch((error: unknown) => error)
    await rig.clock.advance(50)
    await rig.during(rig.manager.close())
    expect(await started).toMatchObject({ code: 'STOPPING' })
    expect(rig.clock.nowMs()).toBeLessThan(2_000)
  })
})

describe('close', () => {
  test('lets the router stop first, then drains the workers, and leaves nothing', async () => {
    const order: string[] = []
    const rig = await startedRig({ stopAccepting: async () => void order.push('router') })
    rig.manager.on('worker-exited', ({ reason }) => order.push(reason.kind))
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 0 })
    expect(order).toEqual(['router', 'drained', 'drained'])
    expect(rig.processes.all.flatMap(({ signals }) => signals)).toEqual([])
    expect(rig.manager.status.health).toBe('stopped')
  })

  test('waits for requests under way until the drain timeout, then reports how many were cut', async () => {
    const rig = await startedRig({ workers: 1, drainTimeoutMs: 5_000 })
    rig.processes.alive[0]!.freeze()
    rig.router.keepDraining(true)
    const begunMs = rig.clock.nowMs()
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 1 })
    expect(rig.clock.nowMs() - begunMs).toBeWithin(5_000, 7_100)
    expect(rig.processes.all[0]!.signals).toEqual(['SIGTERM', 'SIGKILL'])
  })

  test('reports how many requests the workers cut when the router does not know', async () => {
    const rig = await startedRig({ workers: 1, drainTimeoutMs: 5_000 })
    rig.processes.alive[0]!.vitals({ inFlight: 3 })
    await rig.clock.advance(2_000)
    rig.processes.alive[0]!.freeze()
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 3 })
  })

  test('takes no longer than one drain, even if the router takes longer', async () => {
    const rig = await startedRig({
      workers: 1,
      drainTimeoutMs: 5_000,
      stopAccepting: () => new Promise(() => {}),
    })
    rig.processes.alive[0]!.freeze()
    const begunMs = rig.clock.nowMs()
    await rig.during(rig.manager.close())
    expect(rig.clock.nowMs() - begunMs).toBeLessThan(6_100)
  })

  test('ends WebSockets and event streams as soon as no new connection can come', async () => {
    const closed = Promise.withResolvers<void>()
    const rig = await startedRig({ stopAccepting: () => closed.promise })
    const received = (): readonly string[] => rig.processes.all.map(({ received: all }) => all.at(-1)!.type)
    const closing = rig.manager.close()
    await rig.clock.advance(500)
    expect(received()).toEqual(['resume', 'resume'])
    closed.resolve()
    await rig.clock.advance(1)
    const told = rig.processes.all.map(({ received: all }) =>
      all.map(({ type }) => type).includes('end-streams'),
    )
    expect(told).toEqual([true, true])
    await rig.during(closing)
  })

  test('in development gives requests under way three seconds', async () => {
    const rig = await startedRig({ workers: 1, mode: 'development' })
    rig.processes.alive[0]!.vitals({ inFlight: 1 })
    await rig.clock.advance(2_000)
    rig.processes.alive[0]!.freeze()
    rig.router.keepDraining(true)
    const begunMs = rig.clock.nowMs()
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 1 })
    expect(rig.clock.nowMs() - begunMs).toBeWithin(2_900, 4_200)
  })

  test('tells a worker that connects only then to end, so that it need not be killed', async () => {
    const rig = createRig()
    rig.processes.behave({ neverReady: true, ignoresTerm: true, helloMs: 300 })
    void rig.manager.start().catch(() => {})
    await rig.clock.advance(100)
    await rig.during(rig.manager.close())
    expect(rig.processes.all.map(({ signals }) => signals)).toEqual([['SIGTERM']])
  })

  test('a second time with now kills at once', async () => {
    const rig = await startedRig()
    for (const process of rig.processes.alive) process.freeze()
    const first = rig.manager.close()
    await rig.clock.advance(1_000)
    const second = rig.manager.close({ now: true })
    await rig.clock.advance(50)
    expect(rig.processes.alive).toHaveLength(0)
    expect(await rig.during(second)).toEqual(await first)
  })

  test('a second time with now counts what it cuts off, also what began after the last beacon', async () => {
    const rig = createRig()
    rig.processes.behave({ drainMs: 20_000 })
    await rig.during(rig.manager.start())
    rig.processes.alive[0]!.vitals({ inFlight: 2 })
    rig.processes.alive[1]!.vitals({ inFlight: 1 })
    void rig.manager.close()
    await rig.clock.advance(10)
    expect(await rig.during(rig.manager.close({ now: true }))).toEqual({ abandoned: 3 })
  })

  test('called ten times has the same effect as once', async () => {
    const rig = await startedRig()
    const reports = await rig.during(Promise.all(Array.from({ length: 10 }, () => rig.manager.close())))
    expect(new Set(reports).size).toBe(1)
    expect(rig.events.filter(({ type }) => type === 'stopping')).toHaveLength(1)
  })

  test('while workers boot ends them without delay', async () => {
    const rig = createRig()
    rig.processes.behave({ neverReady: true })
    const started = rig.manager.start().catch((error: unknown) => error)
    await rig.clock.advance(50)
    await rig.during(rig.manager.close())
    expect(await started).toMatchObject({ code: 'STOPPING' })
    expect(rig.processes.alive).toHaveLength(0)
    expect(rig.clock.nowMs()).toBeLessThan(2_000)
  })

  test('before the start ends a manager that never began', async () => {
    const rig = createRig()
    expect(await rig.during(rig.manager.close())).toEqual({ abandoned: 0 })
    expect(rig.manager.start()).rejects.toMatchObject({ code: 'STOPPING' })
  })

  test('during a reload ends both generations and answers the reload', async () => {
    const rig = await startedRig()
    rig.processes.behave({ bootMs: 5_000 })
    rig.files.writeUnseen('app.ts', 'v2')
    const reloading = rig.manager.reload()
    await rig.clock.advance(500)
    await rig.during(rig.manager.close())
    expect(await reloading).toMatchObject({ ok: false, refusal: { code: 'stopping' } })
    expect(rig.processes.alive).toHaveLength(0)
  })

  test('answers commands that come later', async () => {
    const rig = await startedRig()
    await rig.during(rig.manager.close())
    expect(await rig.manager.reload()).toMatchObject({ ok: false, refusal: { code: 'stopping' } })
    expect(rig.manager.scale(3)).rejects.toMatchObject({ code: 'STOPPING' })
  })

  test('in a crash loop does not wait for anything', async () => {
    const rig = await startedRig()
    for (let crash = 0; crash < 12; crash += 1) {
      rig.processes.alive[0]?.crash({ code: 1 })
      await rig.clock.advance(50)
    }
    await rig.during(rig.manager.close())
    expect(rig.processes.alive).toHaveLength(0)
  })
})
