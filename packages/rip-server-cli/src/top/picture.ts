import type { ManagerEvent } from '@rip/manager'
import type { Data } from './history.ts'
import type { Trouble } from './watcher.ts'

/** Everything that is shown of an instance. */
export interface Picture {
  /** The last look; absent before the first one. */
  readonly data: Data | undefined
  readonly events: readonly ManagerEvent[]
  /** Why the instance gives no answer; absent while it does. */
  readonly trouble: Trouble | undefined
  /** Now, milliseconds since the epoch. */
  readonly nowMs: number
  /** What the log says of the failed request that is shown; absent while it is read. */
  readonly logged: readonly string[] | undefined
  /** Whether keys can be read. */
  readonly hasKeys: boolean
  /** A look that is older is called so. */
  readonly staleAfterMs: number
}
