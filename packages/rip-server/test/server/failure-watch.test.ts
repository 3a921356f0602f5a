import { expect, test } from 'bun:test'
import type { ManagerStatus } from '@rip/manager'
import { FailureWatch } from '../../src/server/failure-watch.ts'

function statusThat(health: ManagerStatus['health'], ...healthReasons: string[]): ManagerStatus {
  return { health, healthReasons } as unknown as ManagerStatus
}

test('the manager is told the reasons while many answers fail, and none when they do no more', async () => {
  const told: (readonly string[])[] = []
  let now = statusThat('failing', 'half of the answers fail')
  const manager = { tellFailing: (reasons: readonly string[]) => void told.push(reasons) }
  using watch = new FailureWatch({ status: async () => now, manager })
  await watch.look()
  now = statusThat('degraded', '1 of 2 workers is ready')
  await watch.look()
  expect(told).toEqual([['half of the answers fail'], []])
})

test('a look that ends after the watch says nothing', async () => {
  const told: (readonly string[])[] = []
  const status = Promise.withResolvers<ManagerStatus>()
  const manager = { tellFailing: (reasons: readonly string[]) => void told.push(reasons) }
  const watch = new FailureWatch({ status: () => status.promise, manager })
  const look = watch.look()
  watch[Symbol.dispose]()
  status.resolve(statusThat('failing', 'half of the answers fail'))
  await look
  expect(told).toEqual([])
})
