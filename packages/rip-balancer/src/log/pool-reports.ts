import { oneLine } from '../text/one-line.ts'
import { READMISSIONS, ejectionText } from '../pool/ejection.ts'
import type { PoolObserver } from '../pool/pool-options.ts'

/** Reports about a pool for the log. */
export type PoolReports = Pick<
  PoolObserver,
  'ejected' | 'readmitted' | 'health' | 'drained' | 'emptied' | 'undrained'
>

/** Tells the operator, in one line each, why a backend takes no requests and why it takes them again. */
export function poolReports(warn: (message: string) => void): PoolReports {
  const tell = (id: string, what: string): void => warn(oneLine(`backend ${id} ${what}`))
  return {
    ejected: ({ id }, forMs, reason, detail) =>
      tell(
        id,
        `${ejectionText(reason, detail)}; ${reason === 'suspect' ? `gets no requests for ${forMs / 1000} s` : 'gets nothing until that has changed'}`,
      ),
    readmitted: ({ id }, reason) => tell(id, `takes requests again: ${READMISSIONS[reason]}`),
    health: ({ id }, healthy, reason) =>
      tell(
        id,
        healthy
          ? `takes requests again: ${reason ?? 'it recovered, its health checks pass'}`
          : `takes nothing new: health check failed: ${reason}`,
      ),
    drained: ({ id }, by, underWay) =>
      tell(id, `was drained by ${by}: it takes nothing new, ${underWayText(underWay)} under way`),
    emptied: ({ id }) => tell(id, 'is drained: nothing is under way there'),
    undrained: ({ id }, by) => tell(id, `was undrained by ${by}: it takes requests again`),
  }
}

/** What a backend works on, tunnels and event streams included. */
export const underWayText = (count: number): string =>
  count === 1 ? '1 request or tunnel' : `${count} requests and tunnels`
