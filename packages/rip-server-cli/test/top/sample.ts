import type { ManagerStatus, RequestsStatus, TrafficCounts, WorkerStatus } from '@rip/manager'
import { type Data, History } from '../../src/top/history.ts'
import type { Sample } from '../../src/top/sample.ts'

/** When the first look was, in milliseconds since the epoch. */
export const WALL_MS: number = Date.UTC(2026, 0, 2, 3, 4, 5)

export function worker(slot: number, changes: Partial<WorkerStatus> = {}): WorkerStatus {
  return {
    slot,
    incarnation: 1,
    pid: 1_000 + slot,
    state: 'ready',
    generation: 'aaaaaaaaaa',
    socket: `/run/${slot}.sock`,
    sinceMs: WALL_MS - 60_000,
    inFlight: 2,
    webSockets: 0,
    eventStreams: 0,
    requests: 100,
    rssBytes: 40 * 2 ** 20,
    loopLagMs: 3,
    published: 0,
    delivered: 0,
    dropped: 0,
    sent: 100,
    maxInFlight: 8,
    ...changes,
  }
}

export function counts(changes: Partial<TrafficCounts> = {}): TrafficCounts {
  return {
    balancers: [999],
    connections: 12,
    queued: 0,
    statuses: { '1xx': 0, '2xx': 100, '3xx': 0, '4xx': 0, '5xx': 0 },
    generations: [{ generation: 'aaaaaaaaaa', requests: 100, failed: 0, latencies: [100] }],
    ...changes,
  }
}

export function status(changes: Partial<ManagerStatus> = {}): ManagerStatus {
  return {
    version: 1,
    name: 'shop',
    pid: 998,
    root: '/srv/shop',
    health: 'ok',
    healthReasons: [],
    generation: 'aaaaaaaaaa',
    previousGeneration: null,
    wantedWorkers: 2,
    readyWorkers: 2,
    watching: false,
    held: false,
    reloads: { admitted: 1, refused: 0 },
    restarts: 0,
    crashes: null,
    traffic: counts(),
    lastRefusal: null,
    disk: null,
    condemned: null,
    workers: [worker(1), worker(2)],
    background: [],
    startedAtMs: WALL_MS - 3_600_000,
    ...changes,
  }
}

export const NO_REQUESTS: RequestsStatus = { underWay: [], underWayCount: 0, routes: [], failures: [] }

/** @param atMs since the first look */
export function sample(
  atMs: number,
  changes: Partial<ManagerStatus> = {},
  more: Partial<Sample> = {},
): Sample {
  return {
    atMs,
    wallMs: WALL_MS + atMs,
    status: status(changes),
    requests: NO_REQUESTS,
    processorMs: new Map(),
    ...more,
  }
}

/** What is known after these looks. */
export function dataOf(...samples: readonly Sample[]): Data {
  const history = new History()
  const all = samples.map((each) => history.add(each))
  return all.at(-1)!
}
