import type { BackendAddress } from '../address/backend-address.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ClientIdentity, TrustedStatement } from './client-identity.ts'
import type { FieldEdits } from './field-edits.ts'
import type { RequestRules } from './request-rules.ts'

/**
 * A request on its way to a backend: what the client sent, and what is added to it. The protocol of the connection to the
 * backend decides how it is written. Read during the call that hands it over.
 */
export interface OutgoingRequest {
  readonly head: RequestHead
  /** Names the backend where an HTTP/1.0 client named no host. */
  readonly address: BackendAddress
  readonly identity: ClientIdentity
  /** What the peer, which is trusted, says about its client. */
  readonly statement: TrustedStatement | undefined
  /** An id to pass on, or the number of one of ours. */
  readonly requestId: string | number
  /** Protocol to ask for, if the request is an upgrade that is allowed. */
  readonly upgrade: string | undefined
  /** Whether trailers of the response can be passed on. */
  readonly takesTrailers: boolean
  readonly edits: FieldEdits | undefined
  /** Which of its fields are passed on. They may be newer than the connection. */
  readonly rules: RequestRules
}

/** A request of the balancer's own, which is sent as it is. */
export interface OwnRequest extends Pick<OutgoingRequest, 'head' | 'address'> {
  /** There is no client. */
  readonly identity: undefined
}
