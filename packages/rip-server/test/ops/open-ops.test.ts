import { describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  duplicateListenSocket,
  formatListenAddress,
  type ListenAddress,
  ManagerMetrics,
  type ManagerStatus,
  openListenSocket,
} from '@rip/manager'
import { type Ops, openOps } from '../../src/ops/open-ops.ts'

/** A successor of a server that listened at one path, and listens at this address itself. */
async function succeed(
  path: string,
  address: ListenAddress | undefined,
): Promise<AsyncDisposable & { ops: Ops }> {
  const before = { unix: path }
  const predecessor = await openListenSocket(before)
  const owned = new AsyncDisposableStack()
  const metrics = owned.use(new ManagerMetrics({ on: () => ({ [Symbol.dispose]() {} }) }))
  const status = { health: 'starting' } as ManagerStatus
  const ops = await openOps({
    address,
    inherited: {
      predecessor: 0,
      predecessorStartTime: '',
      listenFds: [],
      workers: 1,
      opsFd: duplicateListenSocket(predecessor!)!,
      ops: formatListenAddress(before),
    },
    owned,
    metrics,
    present: () => status,
    status: async () => status,
    balancers: async () => '',
  })
  ops.listener?.accept()
  predecessor!.disown()
  await predecessor!.close()
  return { ops, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

describe('a successor', () => {
  test('with the same address answers on the socket of its predecessor, and removes the path in the end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ops-'))
    try {
      const path = join(folder, 'o.sock')
      {
        await using server = await succeed(path, { unix: path })
        server.ops.inherit()
        expect((await fetch('http://a/ready', { unix: path })).status).toBe(503)
      }
      expect(existsSync(path)).toBe(false)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('with another address, or none, leaves the path to its predecessor until that has gone, then removes it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ops-'))
    try {
      for (const address of [{ unix: join(folder, 'other.sock') }, undefined]) {
        const path = join(folder, 'o.sock')
        await using server = await succeed(path, address)
        expect(existsSync(path)).toBe(true)
        server.ops.inherit()
        expect(existsSync(path)).toBe(false)
        if (address !== undefined) expect((await fetch('http://a/live', address)).status).toBe(200)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
