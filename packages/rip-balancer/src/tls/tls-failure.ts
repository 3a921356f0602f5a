const PREFIX = 'TLS: '

/** Why a connection was not secured, in the words of the library and with its code. */
export function tlsFailure(error: Error | null): string {
  if (error === null) return `${PREFIX}the backend ended the handshake`
  const { code, message } = error as NodeJS.ErrnoException
  return `${PREFIX}${message}${code === undefined || message.includes(code) ? '' : ` (${code})`}`
}

/** Whether a reason tells of TLS and not of the network. */
export function isTlsFailure(reason: string): boolean {
  return reason.startsWith(PREFIX)
}

/** Codes of OpenSSL's verification of certificates, and of the check of their names. */
const VERIFICATION = /CERT|CRL_|SIGNATURE|HOSTNAME_MISMATCH|^UNABLE_TO_|^INVALID_(?:CA|PURPOSE)$|^PATH_LENGTH/

/** Whether the certificate alone is the trouble: the connection would be as secret with it, but with whom is not known. */
export function isUnverified(error: Error | null): boolean {
  return VERIFICATION.test((error as NodeJS.ErrnoException | null)?.code ?? '')
}
