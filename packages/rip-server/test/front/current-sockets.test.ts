import { expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend, Router } from '@rip/manager'
import { CurrentSockets } from '../../src/front/current-sockets.ts'

class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'rip-'))

  /** The targets of the links in `current`. */
  get links(): Readonly<Record<string, string>> {
    const current = join(this.path, 'current')
    return Object.fromEntries(
      readdirSync(current)
        .toSorted()
        .map((name) => [name, readlinkSync(join(current, name))]),
    )
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

function router(): Router & { readonly orders: string[] } {
  const orders: string[] = []
  return {
    orders,
    prepare: async (generation) => void orders.push(`prepare ${generation}`),
    cut: async (generation) => void orders.push(`cut ${generation}`),
    drain: async () => ({ abandoned: 0 }),
  }
}

const workers = (...ids: readonly string[]): readonly Backend[] =>
  ids.map((id) => ({ id, socket: `/run/${id}.sock`, maxInFlight: 1 }))

test('the links change to the serving workers once all balancers have acknowledged them', async () => {
  using folder = new Folder()
  const next = router()
  using sockets = new CurrentSockets(next, folder.path, false)
  await sockets.prepare('g1', workers('a', 'b'))
  expect(existsSync(join(folder.path, 'current'))).toBe(false)
  await sockets.cut('g1')
  expect(folder.links).toEqual({ '1.sock': '/run/a.sock', '2.sock': '/run/b.sock' })
  await sockets.prepare('g2', workers('c', 'd'))
  expect(folder.links['1.sock']).toBe('/run/a.sock')
  next.cut = () => Promise.reject(new Error('not now'))
  await sockets.cut('g2').catch(() => undefined)
  expect(folder.links['1.sock']).toBe('/run/a.sock')
  next.cut = async () => {}
  await sockets.cut('g2')
  expect(folder.links).toEqual({ '1.sock': '/run/c.sock', '2.sock': '/run/d.sock' })
})

test('the names stay when there are fewer workers, and several then lead to one worker', async () => {
  using folder = new Folder()
  using sockets = new CurrentSockets(router(), folder.path, false)
  await sockets.prepare('g1', workers('a', 'b', 'c'))
  await sockets.cut('g1')
  await sockets.prepare('g1', workers('a', 'c'))
  expect(folder.links).toEqual({ '1.sock': '/run/a.sock', '2.sock': '/run/c.sock', '3.sock': '/run/a.sock' })
  // Without any worker left there is no better target.
  await sockets.prepare('g1', [])
  expect(folder.links['2.sock']).toBe('/run/c.sock')
})

test('the previous folder stays for proxies that are using it, and older ones go', async () => {
  using folder = new Folder()
  using sockets = new CurrentSockets(router(), folder.path, false)
  for (const id of ['a', 'b', 'c', 'd']) {
    await sockets.prepare('g1', workers(id))
    await sockets.cut('g1')
  }
  expect(readdirSync(folder.path).filter((name) => name.startsWith('current-'))).toHaveLength(2)
  expect(statSync(join(folder.path, 'current/')).mode & 0o777).toBe(0o711)
})

test('links of a killed server are removed, and those of a successor stay', async () => {
  using folder = new Folder()
  mkdirSync(join(folder.path, 'current-1-000000001'))
  {
    using _before = new CurrentSockets(router(), folder.path, true)
    expect(readdirSync(folder.path)).toEqual(['current-1-000000001'])
  }
  {
    using sockets = new CurrentSockets(router(), folder.path, false)
    await sockets.prepare('g1', workers('a'))
    await sockets.cut('g1')
    expect(readdirSync(folder.path)).not.toContain('current-1-000000001')
  }
  expect(readdirSync(folder.path)).toEqual([])
})
