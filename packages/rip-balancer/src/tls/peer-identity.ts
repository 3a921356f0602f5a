import type { PeerCertificate } from 'node:tls'
import { ipVersion } from '../address/ip-version.ts'
import type { SecureOptions } from './backend-tls.ts'

/** How one connection is secured, and which checks remain afterwards. */
export interface SecuredDial {
  readonly options: SecureOptions
  /** Address that the certificate has to name; `undefined` where the runtime sees to it. */
  readonly identity: string | undefined
}

/**
 * An address is no name to ask a server for (RFC 6066 §3): some refuse the handshake for it. Without a name to ask for the
 * runtime verifies the certificate against the host it connects to, so that any other address is verified here.
 *
 * @param host that is connected to
 */
export function securedDial(options: SecureOptions, host: string): SecuredDial {
  const { serverName, rejectUnauthorized } = options
  if (ipVersion(serverName) === 0) return { options, identity: undefined }
  const isOther = rejectUnauthorized && serverName !== host
  return {
    options: { ...options, serverName: '', rejectUnauthorized: rejectUnauthorized && !isOther },
    identity: isOther ? serverName : undefined,
  }
}

/** @returns why the server is not the one it should be, `undefined` if it is. @param error of the handshake that was not verified */
export function identityError(
  socket: { getPeerCertificate(): unknown },
  identity: string,
  error: Error | null,
): Error | undefined {
  // Of the host that was connected to, which was not asked about.
  const isOfHost = (error as NodeJS.ErrnoException | null)?.code === 'ERR_TLS_CERT_ALTNAME_INVALID'
  if (error !== null && error !== undefined && !isOfHost) return error
  return process
    .getBuiltinModule('node:tls')
    .checkServerIdentity(identity, socket.getPeerCertificate() as PeerCertificate)
}
