import {
  DEFAULT_HEALTH_FALL,
  DEFAULT_HEALTH_INTERVAL_MS,
  DEFAULT_HEALTH_RISE,
  DEFAULT_HEALTH_STATUSES,
  DEFAULT_HEALTH_TIMEOUT_MS,
} from '../defaults.ts'
import { isAuthority } from '../http1/authority.ts'
import type { HealthSettings, StatusRange } from '../settings/health.ts'
import type { ConfigReader } from './config-reader.ts'

/** Reads `health`. @returns `undefined` when there are no checks */
export function readHealth(reader: ConfigReader): HealthSettings | undefined {
  const path = reader.text('path')
  const host = reader.text('host')
  if (host !== undefined && !isAuthority(Buffer.from(host), 0, host.length))
    reader.problem('host', 'a host such as shop.example or shop.example:8080')
  const method = reader.text('method')
  if (method !== undefined && !isCheckMethod(method))
    reader.problem('method', 'a method such as GET, HEAD or OPTIONS')
  const body = reader.text('body')
  if (body !== undefined && method === 'HEAD') reader.problem('body', 'none, as HEAD is answered without')
  const port = reader.has('port') ? reader.count('port', 0, 1) : undefined
  if (port !== undefined && port > 65_535) reader.problem('port', 'a port up to 65535')
  const health = {
    method: method ?? 'GET',
    host,
    statuses: readStatuses(reader),
    body,
    port,
    tls: reader.has('tls') ? reader.flag('tls', false) : undefined,
    intervalMs: reader.duration('interval', DEFAULT_HEALTH_INTERVAL_MS),
    timeoutMs: reader.duration('timeout', DEFAULT_HEALTH_TIMEOUT_MS),
    rise: reader.count('rise', DEFAULT_HEALTH_RISE, 1),
    fall: reader.count('fall', DEFAULT_HEALTH_FALL, 1),
  }
  reader.end()
  if (path === undefined) return undefined
  if (!/^\/[\x21\x22\x24-\x7e]*$/.test(path)) return reader.problem('path', 'a path that starts with /')
  return { path, ...health }
}

/** A token (RFC 9110 §9.1); CONNECT and TRACE ask for something else than an answer. */
function isCheckMethod(text: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(text) && !/^(?:CONNECT|TRACE)$/i.test(text)
}

function readStatuses(reader: ConfigReader): readonly StatusRange[] {
  const ranges = reader.list('status', (value) => statusRange(value) ?? 'none')
  if (ranges.includes('none')) reader.problem('status', 'statuses such as 200, "200-399" or a list of them')
  const known = ranges.filter((range) => range !== 'none')
  return known.length === 0 ? DEFAULT_HEALTH_STATUSES : known
}

function statusRange(value: unknown): StatusRange | undefined {
  const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(String(value)) ?? []
  const range = { from: Number(from), to: Number(to) }
  return range.from <= range.to ? range : undefined
}
