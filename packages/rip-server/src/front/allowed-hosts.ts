import type { ListenAddress } from '@rip/manager'
import { isHostName } from '../settings/addresses.ts'
import type { Mode, Settings } from '../settings/settings.ts'

/**
 * Names a server answers to, besides `localhost` and addresses; undefined for all. In development, a page of another
 * site could read the application and its sources by DNS rebinding. No page reaches a Unix socket, and production is
 * public.
 */
export function allowedHosts(
  { allowHosts }: Pick<Settings, 'allowHosts'>,
  mode: Mode,
  listen: ListenAddress,
): readonly string[] | undefined {
  if (mode === 'production' || 'unix' in listen) return undefined
  return isHostName(listen.host) ? [...allowHosts, listen.host] : allowHosts
}
