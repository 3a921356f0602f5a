import { expect, test } from 'bun:test'
import type { ExchangeObserver } from '../../src/exchange/record.ts'
import type { Claimant } from '../../src/pool/claim.ts'
import { eventually, RawClient, TestBalancer } from './data-plane.ts'

test('the time a client waited in the queue before it left is in the record', async () => {
  const queued: Claimant[] = []
  const queueTimesMs: number[] = []
  const ignore = (): void => {}
  const observer = {
    started: ignore,
    ended: ({ queueMs }: { readonly queueMs: number }) => void queueTimesMs.push(queueMs),
    connection: ignore,
    foreignHost: ignore,
    underscored: ignore,
    attemptFailed: ignore,
    fault: ignore,
  }
  const claim = (claimant: Claimant): 'queued' => {
    queued.push(claimant)
    return 'queued'
  }
  await using balancer = await TestBalancer.start(['/nonexistent/b.sock'], {
    claim,
    settings: { observer: observer as unknown as ExchangeObserver },
  })
  using client = await RawClient.connect(balancer.port)
  client.send('GET /a HTTP/1.1\r\nHost: h.test\r\n\r\n')
  await eventually(() => queued.length === 1)
  const queuedAtMs = performance.now()
  await eventually(() => performance.now() - queuedAtMs > 50)
  client.socket.destroy()
  await eventually(() => queueTimesMs.length === 1)
  expect(queueTimesMs[0]).toBeGreaterThan(20)
})
