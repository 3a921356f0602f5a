import type { ExchangeRecord } from './exchange/record.ts'
import type { LogSink } from './log/log-sink.ts'
import type { Hooks } from './settings/hooks.ts'

/** What a program can add to a configuration. */
export interface BalancerHooks extends Hooks {
  /** Called once for every request when it has ended. The record is reused: keep nothing of it. */
  readonly onEnd?: (record: ExchangeRecord) => void
  /** Something an operator should know and nothing can be done about here. */
  readonly onWarning?: (message: string) => void
  /** Called when the admin API orders this balancer to leave; `drain` it then. @default it drains */
  readonly onLeave?: () => void
  /** Ids of backends that are drained from the start, and by whom. @default none */
  readonly drained?: ReadonlyMap<string, string>
  /** Where the access log goes when it has no file. @default standard output */
  readonly logSink?: LogSink
}
