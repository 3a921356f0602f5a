import type { BalancerSettings } from './balancer-settings.ts'
import type { WrittenSettings } from './setting-kinds.ts'
import type { Mode } from './settings.ts'

/**
 * What `rip-server.config.{ts,js,rip}` may say. Flags and environment variables win over it. Durations are texts
 * such as `250ms`, `30s`, `5m`; sizes such as `64KiB`, `512MiB`.
 */
export interface RipServerConfig extends WrittenSettings {
  /** Everything else the balancer can do: timeouts, limits, trusted proxies, retries, processes, log file. */
  readonly balancer?: BalancerSettings
}

/** What a configuration in the form of a function is called with. */
export interface ConfigContext {
  readonly mode: Mode
  /** The command that reads the configuration, such as `start`. */
  readonly command: string
}

export type ConfigExport =
  RipServerConfig | ((context: ConfigContext) => RipServerConfig | Promise<RipServerConfig>)

/** Gives the configuration its types; returns it unchanged. */
export function defineConfig<T extends ConfigExport>(config: T): T {
  return config
}
