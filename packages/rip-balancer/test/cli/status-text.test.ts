import { expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { statusText } from '../../src/cli/status-text.ts'
import { balance } from '../../src/index.ts'
import { TempFolder } from '../servers.ts'
import { Http2Worker } from '../upstream/http2-worker.ts'

test('connections of HTTP/2 are counted with the requests on them, in the metrics, too', async () => {
  using folder = new TempFolder()
  const gate = Promise.withResolvers<void>()
  await using worker = new Http2Worker(folder, 'w', async () => {
    await gate.promise
    return new Response('done')
  })
  await using lb = await balance({
    listen: '127.0.0.1:0',
    to: worker.backend,
    workerProtocol: 'h2c',
    metrics: '127.0.0.1:0',
  })
  expect(statusText(lb.status())).toMatch(/ HTTP\/2 [^]* -  /)
  const answers = Promise.all([fetch(lb.url), fetch(lb.url), fetch(lb.url)])
  await until('all are at the worker', () => worker.requests === 3)
  expect(statusText(lb.status())).toContain(' 3 on 1 ')
  expect(lb.status().pools[0]).toMatchObject({
    lanes: 1,
    laneStreams: 3,
    backends: [{ lanes: 1, laneStreams: 3 }],
  })
  gate.resolve()
  await answers
  expect(lb.status().pools[0]).toMatchObject({ lanes: 1, laneStreams: 0 })
  const metrics = await (await fetch(lb.metricsUrl!)).text()
  expect(metrics).toContain('rip_connection_events_total{event="upstream-http2"} 1\n')
  expect(metrics).toMatch(/rip_backend_lanes\{.*\} 1\n/)
  expect(metrics).toMatch(/rip_backend_lane_streams\{.*\} 0\n/)
})

test('a pool and each backend have one line, with any names', async () => {
  const name = 'a\nb\u2028c'
  await using lb = await balance({
    listen: '127.0.0.1:0',
    pool: name,
    to: { id: name, address: '127.0.0.1:1' },
  })
  lb.pool.prepare(name, [])
  lb.pool.cut(name)
  const lines = statusText(lb.status())
    .trimEnd()
    .split(/[\n\r\u2028\u2029]/)
  expect(lines.filter((line) => line.includes('a\\x0ab\\u2028c'))).toHaveLength(2)
  expect(lines.filter((line) => line.startsWith('b'))).toEqual([])
})
