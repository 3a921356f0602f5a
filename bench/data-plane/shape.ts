import { MESSAGES, type Message } from './message.ts'
import type { PeerOptions } from './peers.ts'

/** A message, and what is spoken on both sides of the balancer. */
export interface Shape extends PeerOptions {
  readonly message: Message
  readonly connections: number
}

const HTTP1 = { client: 'http1', worker: 'http1', connections: 64, streams: 1 } as const
const LANES = { ...HTTP1, worker: 'http2' } as const
const HTTP2 = { client: 'http2', worker: 'http1', connections: 16, streams: 8 } as const
const BOTH = { ...HTTP2, worker: 'http2' } as const

/** Each message with HTTP/1.1 on both sides, with lanes to the workers, with HTTP/2 from the clients, and with both. */
export const SHAPES: Readonly<Record<string, Shape>> = Object.fromEntries(
  Object.entries(MESSAGES).flatMap(([name, message]) => [
    [name, { ...HTTP1, message }],
    [`lanes-${name}`, { ...LANES, message }],
    [`h2-${name}`, { ...HTTP2, message }],
    [`h2-lanes-${name}`, { ...BOTH, message }],
  ]),
)
