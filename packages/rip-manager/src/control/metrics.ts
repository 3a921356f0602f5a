import type { ManagerStatus, WorkerStatus } from '../contract/status.ts'

interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly value: (worker: WorkerStatus) => number
}

const METRICS: readonly Metric[] = [
  {
    name: 'rip_worker_memory_bytes',
    type: 'gauge',
    help: 'Resident memory.',
    value: ({ rssBytes }) => rssBytes,
  },
  {
    name: 'rip_worker_loop_lag_seconds',
    type: 'gauge',
    help: 'How late the event loop is.',
    value: ({ loopLagMs }) => loopLagMs / 1_000,
  },
  {
    name: 'rip_worker_messages_published_total',
    type: 'counter',
    help: 'Messages published in this worker, to topics.',
    value: ({ published }) => published,
  },
  {
    name: 'rip_worker_messages_delivered_total',
    type: 'counter',
    help: 'Messages of other workers that this worker got.',
    value: ({ delivered }) => delivered,
  },
  {
    name: 'rip_worker_messages_dropped_total',
    type: 'counter',
    help: 'Messages of this worker that another worker did not get, counted for each of them.',
    value: ({ dropped }) => dropped,
  },
]

/** What workers say of themselves, in the text format of Prometheus; requests are counted by the balancer. */
export function metricsOf({ workers }: ManagerStatus): string {
  const lines = METRICS.flatMap(({ name, type, help, value }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...workers.map((worker) => `${name}{${labelsOf(worker)}} ${value(worker)}`),
  ])
  return `${lines.join('\n')}\n`
}

/** A worker that replaces another is a series of its own, since it counts from 0. */
function labelsOf({ slot, incarnation, generation }: WorkerStatus): string {
  return `worker="w${slot}.${incarnation}",generation=${JSON.stringify(generation)}`
}
