import type { ErrorPages } from '../settings/error-pages.ts'
import type { AddressSet, Forwarding } from '../settings/forwarding.ts'
import type { HalfClose } from '../settings/half-close.ts'
import type { Hooks } from '../settings/hooks.ts'
import type { HostSet } from '../settings/host-set.ts'
import type { Limits } from '../settings/limits.ts'
import type { Timeouts } from '../settings/timeouts.ts'
import type { UnknownMethods } from '../settings/unknown-methods.ts'
import type { WorkerProtocol } from '../settings/worker-protocol.ts'
import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import type { PageScript } from '../page-script/page-script.ts'
import type { HashKey } from '../forwarding/affinity.ts'
import type { ExchangeObserver } from './record.ts'
import type { LearnedField } from './learned-field.ts'
import type { StickyCookie } from './sticky-cookie.ts'

/**
 * What the data plane needs to know, completely resolved: no optional member means "default". Times are in
 * milliseconds, sizes in bytes; `Infinity` switches a limit off where its comment says so.
 */
export interface DataPlaneSettings {
  readonly timeouts: Timeouts
  readonly limits: Limits
  readonly forwarding: Forwarding
  /** Protocols a client may upgrade to, in lower case. Everything else is answered as plain HTTP. */
  readonly upgrades: readonly string[]
  /** Whether methods that Bun and Node.js do not know reach a backend (`pass`) or are answered with 501 (`refuse`). */
  readonly unknownMethods: UnknownMethods
  /** What a client gets that has ended its side and waits for its answer, and its backend hears. */
  readonly halfClose: HalfClose
  /** Attempts after the first one, for requests that can be repeated safely. */
  readonly retries: number
  /** Peers that must open each connection with a PROXY protocol header (v1 or v2); `undefined` refuses all. */
  readonly proxyProtocolFrom: AddressSet | undefined
  /** Names requests may be addressed to; `undefined` allows all. Any other is answered with 403, or 421 in HTTP/2. */
  readonly hosts: HostSet | undefined
  readonly hooks: Hooks
  /** What the hash policy recognises a client by. */
  readonly hashKey: HashKey
  /** Cookie of the sticky policy; `undefined` under any other. */
  readonly sticky: StickyCookie | undefined
  /** Field of the learn policy; `undefined` under any other. */
  readonly learned: LearnedField | undefined
  /** How TLS is spoken to backends; absent where none does. */
  readonly backendTls?: BackendTlsSettings
  readonly workerProtocol?: WorkerProtocol
  /** What is put into pages; absent where nothing is. */
  readonly pageScript?: PageScript
  readonly observer: ExchangeObserver
  readonly errorPages: ErrorPages
}
