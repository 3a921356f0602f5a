import type { ListenAddress } from '@rip/manager'
import { isHostName } from '../settings/addresses.ts'
import type { Mode, Settings } from '../settings/settings.ts'

/**
 * Names a server answers to, besides `localhost` and addresses; undefined for all. In development a page of another site
 * could read this one by DNS rebinding, sources included; no page reaches a Unix socket, and production is for the world.
 */
export function allowedHosts(
  { allowHosts }: Pick<Settings, 'allowHosts'>,
  mode: Mode,
  listen: ListenAddress,
): readonly string[] | undefined {
  if (mode === 'production' || 'unix' in listen) return undefined
  return isHostName(listen.host) ? [...allowHosts, listen.host] : allowHosts
}
