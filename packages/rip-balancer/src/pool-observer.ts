import type { BalancerEvent } from './events.ts'
import { poolReports } from './log/pool-reports.ts'
import type { PoolObserver } from './pool/pool-options.ts'

/** Who hears of what changes in a pool. */
export interface PoolHearers {
  readonly warn: (message: string) => void
  readonly emit: (event: BalancerEvent) => void
  /** Nothing more goes to a backend at which something is in flight. */
  readonly leaves: PoolObserver['leaves']
  /** Nothing more goes to a backend. */
  readonly retired: PoolObserver['retired']
  /** New requests go to another generation. */
  readonly cut: () => void
}

/** Tells the operator, the program and the data plane what changes in a pool. */
export function poolObserver({ warn, emit, leaves, retired, cut }: PoolHearers): PoolObserver {
  const reports = poolReports(warn)
  return {
    emptied: reports.emptied,
    leaves,
    retired: (backend) => {
      retired(backend)
      emit({ type: 'backend-retired', backend: backend.id })
    },
    ejected: (backend, forMs, reason, detail) => {
      reports.ejected(backend, forMs, reason, detail)
      emit({ type: 'backend-ejected', backend: backend.id, forMs, reason, detail })
    },
    readmitted: (backend, reason) => {
      reports.readmitted(backend, reason)
      emit({ type: 'backend-readmitted', backend: backend.id })
    },
    health: (backend, healthy, reason) => {
      reports.health(backend, healthy, reason)
      emit({ type: 'backend-health', backend: backend.id, healthy, reason })
    },
    drained: (backend, by, underWay) => {
      reports.drained(backend, by, underWay)
      emit({ type: 'backend-drained', backend: backend.id, by })
    },
    undrained: (backend, by) => {
      reports.undrained(backend, by)
      emit({ type: 'backend-undrained', backend: backend.id, by })
    },
    cut: (generation) => {
      cut()
      emit({ type: 'generation-cut', generation })
    },
  }
}
