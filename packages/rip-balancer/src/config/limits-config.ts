import { DEFAULT_LIMITS, LONG_LIVED_SHARE } from '../defaults.ts'
import type { Limits } from '../settings/limits.ts'
import type { ConfigReader } from './config-reader.ts'

/** Reads `limits`. */
export function readLimits(reader: ConfigReader): Limits {
  const maxConnections = reader.count('connections', DEFAULT_LIMITS.maxConnections, 1)
  const maxConnectionsPerAddress = reader.count(
    'connectionsPerAddress',
    DEFAULT_LIMITS.maxConnectionsPerAddress,
    1,
  )
  const maxHeadBytes = reader.size('head', DEFAULT_LIMITS.maxHeadBytes)
  const limits = {
    ...DEFAULT_LIMITS,
    maxLineBytes: reader.size('line', maxHeadBytes),
    maxHeadBytes,
    maxFields: reader.count('fields', DEFAULT_LIMITS.maxFields, 1),
    maxBodyBytes: reader.size('body', DEFAULT_LIMITS.maxBodyBytes),
    minBodyBytesPerSecond: reader.count('bodyRate', DEFAULT_LIMITS.minBodyBytesPerSecond),
    minResponseBytesPerSecond: reader.count('responseRate', DEFAULT_LIMITS.minResponseBytesPerSecond),
    maxRequestBufferBytes: reader.size('requestBuffer', DEFAULT_LIMITS.maxRequestBufferBytes),
    maxResponseBufferBytes: reader.size('responseBuffer', DEFAULT_LIMITS.maxResponseBufferBytes),
    maxBufferedBytes: reader.size('buffers', DEFAULT_LIMITS.maxBufferedBytes),
    maxResponseHeadBytes: reader.size('responseHead', DEFAULT_LIMITS.maxResponseHeadBytes),
    maxConnections,
    maxConnectionsPerAddress,
    maxLongLivedPerBackend: reader.count('longLived', partOf(maxConnections), 1),
    maxLongLivedPerAddress: reader.count('longLivedPerAddress', partOf(maxConnectionsPerAddress), 1),
  }
  reader.end()
  return limits
}

/** What may last long of so many connections. */
const partOf = (connections: number): number => Math.max(1, Math.floor(connections * LONG_LIVED_SHARE))
