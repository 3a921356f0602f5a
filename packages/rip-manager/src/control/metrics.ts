import type { MessageCounts } from '@rip/worker/protocol'
import type { BackgroundStatus, ManagerStatus, WorkerStatus } from '../contract/status.ts'

interface Metric<Of> {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  /** `undefined` where it is not known: that one has no series. */
  readonly value: (of: Of) => number | undefined
}

const WORKER_METRICS: readonly Metric<WorkerStatus>[] = [
  {
    name: 'rip_worker_memory_bytes',
    type: 'gauge',
    help: 'Resident memory.',
    value: ({ rssBytes }) => rssBytes,
  },
  {
    name: 'rip_worker_free_descriptors',
    type: 'gauge',
    help: 'File descriptors that can still be opened, at most.',
    value: ({ freeDescriptors }) => freeDescriptors,
  },
  {
    name: 'rip_worker_loop_lag_seconds',
    type: 'gauge',
    help: 'How late the event loop is.',
    value: ({ loopLagMs }) => loopLagMs / 1_000,
  },
  ...messageMetrics('rip_worker'),
]

const BACKGROUND_METRICS: readonly Metric<BackgroundStatus>[] = [
  {
    name: 'rip_background_working',
    type: 'gauge',
    help: 'Whether a process of the program works: 1 or 0.',
    value: ({ state }) => (state === 'working' ? 1 : 0),
  },
  {
    name: 'rip_background_restarts_total',
    type: 'counter',
    help: 'How often it was started again because it had ended.',
    value: ({ restarts }) => restarts,
  },
  {
    name: 'rip_background_memory_bytes',
    type: 'gauge',
    help: 'Resident memory.',
    value: ({ rssBytes }) => rssBytes,
  },
  ...messageMetrics('rip_background'),
]

/** What workers and background processes say of themselves, in the text format of Prometheus; requests are counted by the balancer. */
export function metricsOf({ workers, background }: ManagerStatus): string {
  const ofBackground =
    background.length === 0
      ? []
      : linesOf(BACKGROUND_METRICS, background, ({ name }) => `background="${name}"`)
  return `${[...linesOf(WORKER_METRICS, workers, labelsOf), ...ofBackground].join('\n')}\n`
}

function messageMetrics(prefix: string): readonly Metric<MessageCounts>[] {
  return [
    {
      name: `${prefix}_messages_published_total`,
      type: 'counter',
      help: 'Messages published, to topics.',
      value: ({ published }) => published,
    },
    {
      name: `${prefix}_messages_delivered_total`,
      type: 'counter',
      help: 'Messages of other processes that came in.',
      value: ({ delivered }) => delivered,
    },
    {
      name: `${prefix}_messages_dropped_total`,
      type: 'counter',
      help: 'Published messages that another process did not get, counted for each of them.',
      value: ({ dropped }) => dropped,
    },
  ]
}

function linesOf<Of>(
  metrics: readonly Metric<Of>[],
  all: readonly Of[],
  labels: (of: Of) => string,
): readonly string[] {
  return metrics.flatMap(({ name, type, help, value }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...all.flatMap((each) => {
      const figure = value(each)
      return figure === undefined ? [] : [`${name}{${labels(each)}} ${figure}`]
    }),
  ])
}

/** A worker that replaces another is a series of its own, since it counts from 0. */
function labelsOf({ slot, incarnation, generation }: WorkerStatus): string {
  return `worker="w${slot}.${incarnation}",generation=${JSON.stringify(generation)}`
}
