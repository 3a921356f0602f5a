import type { ExchangeRecord } from '../exchange/record.ts'

const MAX_PATH_CHARS = 100

/** Method and path of a request for a message; without the query, which may hold secrets. */
export function requestText({ method, target }: Pick<ExchangeRecord, 'method' | 'target'>): string {
  if (method === '') return 'a request'
  const path = target.split('?', 1)[0] ?? ''
  return `${method} ${path.length > MAX_PATH_CHARS ? `${path.slice(0, MAX_PATH_CHARS)}…` : path}`
}
