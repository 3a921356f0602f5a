import { expect, test } from 'bun:test'
import { metricsOf } from '../../src/control/metrics.ts'
import type { ManagerStatus, WorkerStatus } from '../../src/contract/status.ts'

function worker(slot: number, figures: Partial<WorkerStatus>): WorkerStatus {
  return {
    slot,
    incarnation: 3,
    pid: slot,
    state: 'ready',
    generation: 'a"b\\c',
    socket: '',
    sinceMs: 0,
    inFlight: 0,
    webSockets: 0,
    eventStreams: 0,
    requests: 0,
    rssBytes: 0,
    loopLagMs: 0,
    published: 0,
    delivered: 0,
    dropped: 0,
    ...figures,
  }
}

test('each figure of each worker is a sample, with names in quotes as Prometheus reads them', () => {
  const workers = [worker(1, { published: 5, loopLagMs: 1_500 }), worker(2, { dropped: 7 })]
  const lines = metricsOf({ workers, background: [] } as unknown as ManagerStatus).split('\n')
  expect(lines).toContain('# TYPE rip_worker_messages_published_total counter')
  expect(lines).toContain('rip_worker_messages_published_total{worker="w1.3",generation="a\\"b\\\\c"} 5')
  expect(lines).toContain('rip_worker_loop_lag_seconds{worker="w1.3",generation="a\\"b\\\\c"} 1.5')
  expect(lines).toContain('rip_worker_messages_dropped_total{worker="w2.3",generation="a\\"b\\\\c"} 7')
  expect(lines.filter((line) => !line.startsWith('#'))).toHaveLength(11)
})

test('a figure that is not known of a worker has no sample', () => {
  const workers = [worker(1, { freeDescriptors: 0 }), worker(2, {})]
  const samples = metricsOf({ workers, background: [] } as unknown as ManagerStatus)
    .split('\n')
    .filter((line) => line.startsWith('rip_worker_free_descriptors{'))
  expect(samples).toEqual(['rip_worker_free_descriptors{worker="w1.3",generation="a\\"b\\\\c"} 0'])
})

test('without workers the metrics are declared all the same', () => {
  const text = metricsOf({ workers: [], background: [] } as unknown as ManagerStatus)
  expect(text.split('\n').every((line) => line === '' || line.startsWith('# '))).toBe(true)
})

test('what works in the background is counted by its name', () => {
  const background = [{ name: 'jobs', state: 'working', restarts: 3, rssBytes: 7 }]
  const lines = metricsOf({ workers: [], background } as unknown as ManagerStatus).split('\n')
  expect(lines).toContain('rip_background_working{background="jobs"} 1')
  expect(lines).toContain('rip_background_restarts_total{background="jobs"} 3')
  expect(lines).toContain('rip_background_memory_bytes{background="jobs"} 7')
})
