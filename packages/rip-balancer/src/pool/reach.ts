import type { BackendTlsSettings } from '../tls/backend-tls.ts'
import { inquire } from '../upstream/inquiry.ts'
import type { BackendAddress } from './claim.ts'

/** @returns whether somebody accepts a connection there in time */
export type Reach = (address: BackendAddress, timeoutMs: number) => Promise<boolean>

/** Whether somebody accepts a connection there in time and, where TLS is spoken, is whom he should be; nothing is asked. */
export function reachWith(tls: () => BackendTlsSettings): Reach {
  return async (address, timeoutMs) => {
    const question = { address, request: undefined, isHead: false, timeoutMs, maxBytes: 0 }
    return (await inquire(question, tls())).failure === undefined
  }
}
