import { pathOf } from '../pages/request-head.ts'
import type { ListenAddress } from './transport.ts'

/**
 * Sends a request to the worker of this process over its socket.
 *
 * @param listen where it listens
 * @param url its address, with the real port
 */
export function askOverSocket(request: Request, listen: ListenAddress, url: string): Promise<Response> {
  // Without a proxy, even if the environment names one: the server is this process.
  const init = { redirect: 'manual', decompress: false, proxy: false } as const
  if ('unix' in listen) return fetch(request, { ...init, unix: listen.unix })
  const headers = new Headers(request.headers)
  headers.set('host', new URL(request.url).host)
  return fetch(new Request(url + pathOf(request), request), { ...init, headers })
}
