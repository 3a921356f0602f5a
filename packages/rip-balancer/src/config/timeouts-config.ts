import { DEFAULT_TIMEOUTS } from '../defaults.ts'
import type { Timeouts } from '../settings/timeouts.ts'
import type { ConfigReader } from './config-reader.ts'

/** Reads `timeouts`. */
export function readTimeouts(reader: ConfigReader): Timeouts {
  const timeouts = {
    ...DEFAULT_TIMEOUTS,
    headerMs: reader.duration('header', DEFAULT_TIMEOUTS.headerMs),
    bodyIdleMs: reader.duration('body', DEFAULT_TIMEOUTS.bodyIdleMs),
    clientIdleMs: reader.duration('idle', DEFAULT_TIMEOUTS.clientIdleMs),
    writeIdleMs: reader.duration('write', DEFAULT_TIMEOUTS.writeIdleMs),
    connectMs: reader.duration('connect', DEFAULT_TIMEOUTS.connectMs),
    responseMs: reader.duration('response', DEFAULT_TIMEOUTS.responseMs),
    responseIdleMs: reader.duration('responseIdle', DEFAULT_TIMEOUTS.responseIdleMs),
    totalMs: reader.duration('total', DEFAULT_TIMEOUTS.totalMs),
    tunnelIdleMs: reader.duration('tunnel', DEFAULT_TIMEOUTS.tunnelIdleMs),
    tunnelEndMs: reader.duration('tunnelEnd', DEFAULT_TIMEOUTS.tunnelEndMs),
    upstreamIdleMs: reader.duration('upstreamIdle', DEFAULT_TIMEOUTS.upstreamIdleMs),
    drainMs: reader.duration('drain', DEFAULT_TIMEOUTS.drainMs),
  }
  reader.end()
  return timeouts
}
