import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Manager, Refusal, Router } from '@rip/manager'
import { FailedStartServer } from '../../src/front/failed-start.ts'

const refusal: Refusal = { code: 'build-failed', generation: 'g1', message: 'it is broken', atMs: 0 }

/** Emits the events of a manager that begins to serve the application at that moment. */
class FakeManager {
  readonly status = { generation: 'g2' }
  readonly #listeners = new Map<string, () => void>()

  on(type: string, listener: () => void): Disposable {
    this.#listeners.set(type, listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(type) }
  }

  emit(type: string): void {
    this.#listeners.get(type)?.()
  }

  get listeners(): number {
    return this.#listeners.size
  }
}

/** Carries out one order after the other, each when the test allows it. */
class SlowRouter implements Router {
  serving: string | undefined
  readonly drained: string[] = []
  readonly #held: (() => void)[] = []
  #orders: Promise<void> = Promise.resolve()

  prepare(): Promise<void> {
    return this.#order(() => {})
  }

  cut(generation: string): Promise<void> {
    return this.#order(() => void (this.serving = generation))
  }

  async drain(generation: string): Promise<{ abandoned: number }> {
    this.drained.push(generation)
    return { abandoned: 0 }
  }

  /** Lets the next order be carried out. */
  async next(): Promise<void> {
    this.#held.shift()?.()
    await Bun.sleep(0)
  }

  #order(follow: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held.push(resolve)
    this.#orders = this.#orders.then(() => promise).then(follow)
    return this.#orders
  }
}

test('the page of a failed start goes when the application begins to serve at the same moment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rip-'))
  const manager = new FakeManager()
  const router = new SlowRouter()
  const socket = join(folder, 's')
  const page = new FailedStartServer(refusal, { manager: manager as unknown as Manager, router, socket })
  const routed = page.route()
  const cut = router.cut('g2')
  await router.next()
  await router.next()
  await cut
  manager.emit('ready')
  await router.next()
  await routed
  await router.next()
  while (router.drained.length === 0) await Bun.sleep(1)
  expect([router.serving, router.drained]).toEqual(['g2', ['failed-start']])
  expect(manager.listeners).toBe(0)
  rmSync(folder, { recursive: true })
})
