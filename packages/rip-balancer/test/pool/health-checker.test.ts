import { describe, expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { until } from '@rip/testing'
import { HealthChecker } from '../../src/pool/health-checker.ts'
import { Pool } from '../../src/pool/pool.ts'
import { TempFolder } from '../servers.ts'
import { FakeClock, member } from './fixtures.ts'

/** Lets begun checks end: their promises are already resolved. */
const settle = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await Promise.resolve()
}

class Ward {
  readonly clock = new FakeClock()
  readonly pool: Pool
  readonly checkedAtMs: number[] = []
  readonly changes: string[] = []
  well = true
  /** Duration of each check. */
  takesMs = 0
  private readonly checker: HealthChecker

  constructor(ids: readonly string[], random: () => number = () => 0.5) {
    const observer = {
      health: ({ id }: { id: string }, healthy: boolean) => void this.changes.push(`${id} ${healthy}`),
    }
    this.pool = new Pool({ clock: this.clock, observer })
    this.pool.prepare(
      undefined,
      ids.map((id) => member(id)),
    )
    const ask = async (): Promise<string | undefined> => {
      this.checkedAtMs.push(this.clock.nowMs())
      if (this.takesMs > 0) await new Promise<void>((resolve) => this.clock.after(this.takesMs, resolve))
      return this.well ? undefined : 'status 500'
    }
    const health = { path: '/up', intervalMs: 1_000, timeoutMs: 100, rise: 2, fall: 3 }
    this.checker = new HealthChecker(this.pool, { ...health, clock: this.clock, random, ask })
    this.checker.start()
  }

  async pass(byMs: number): Promise<void> {
    for (let at = 0; at < byMs; at += 50) {
      this.clock.advance(50)
      await settle()
    }
  }

  [Symbol.dispose](): void {
    this.checker[Symbol.dispose]()
  }
}

describe('health checks', () => {
  test('are spread over the interval', async () => {
    let drawn = 0
    using ward = new Ward(['a', 'b', 'c', 'd'], () => (drawn++ % 4) / 4)
    await ward.pass(800)
    expect(new Set(ward.checkedAtMs).size).toBe(4)
  })

  test('take a backend out after `fall` failures and back after `rise` passes', async () => {
    using ward = new Ward(['a'])
    ward.well = false
    await ward.pass(550)
    expect(ward.changes).toEqual([])
    await ward.pass(1_000)
    expect(ward.changes).toEqual(['a false'])
    ward.well = true
    await ward.pass(2_000)
    expect(ward.changes).toEqual(['a false', 'a true'])
  })

  test('are more frequent while a backend is about to change its state', async () => {
    using ward = new Ward(['a'])
    await ward.pass(5_000)
    const calm = ward.checkedAtMs.length
    ward.well = false
    await ward.pass(1_500)
    expect(ward.changes).toEqual(['a false'])
    expect(ward.checkedAtMs.length - calm).toBeGreaterThanOrEqual(3)
  })

  test('are more frequent while a backend is out, so that it is soon back', async () => {
    for (const outForMs of [5_000, 5_200, 5_400, 5_600, 5_800]) {
      using ward = new Ward(['a'])
      ward.well = false
      await ward.pass(outForMs)
      expect(ward.changes).toEqual(['a false'])
      ward.well = true
      await ward.pass(650)
      expect(ward.changes).toEqual(['a false', 'a true'])
    }
  })

  test('begin once per interval, however long they take', async () => {
    using ward = new Ward(['a'])
    ward.takesMs = 600
    await ward.pass(5_000)
    const pauses = ward.checkedAtMs.slice(1).map((atMs, at) => atMs - ward.checkedAtMs[at]!)
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1_100)
    ward.takesMs = 1_600
    await ward.pass(6_000)
    expect(ward.checkedAtMs.at(-1)! - ward.checkedAtMs.at(-2)!).toBeGreaterThanOrEqual(1_600)
  })

  test('end when the checker is closed', async () => {
    const ward = new Ward(['a'])
    ward[Symbol.dispose]()
    await ward.pass(5_000)
    expect(ward.checkedAtMs).toEqual([])
  })
})

test('do not pass when the answer breaks off', async () => {
  using folder = new TempFolder()
  const path = folder.file('b.sock')
  const server = createServer((socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')),
  )
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const pool = new Pool()
  pool.prepare(undefined, [{ ...member('b'), address: { kind: 'unix', path } }])
  const health = { path: '/up', intervalMs: 20, timeoutMs: 1_000, rise: 1, fall: 2 }
  using checker = new HealthChecker(pool, health)
  checker.start()
  await until('it is taken out', () => pool.status().backends[0]?.state !== 'serving')
  server.close()
})
