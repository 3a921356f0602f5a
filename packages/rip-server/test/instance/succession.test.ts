import { expect, test } from 'bun:test'
import type { ListenSocket, RunDir } from '@rip/manager'
import { startSuccessor } from '../../src/instance/succession.ts'

test('when the system cannot start the successor, nothing changes: the lock is taken back', async () => {
  const calls: string[] = []
  const runDir = {
    path: '/nowhere',
    handOver: () => void calls.push('handOver'),
    takeBack: () => void calls.push('takeBack'),
  } as RunDir
  const { signal } = new AbortController()
  const sockets = [{ fd: 1_000_000 } as ListenSocket]
  const result = await startSuccessor({ runDir, sockets, env: {}, cwd: '/', workers: 1, signal })
  expect(result).toEqual({ ok: false, message: expect.stringContaining('no process could be started') })
  expect(calls).toEqual(['handOver', 'takeBack'])
})
