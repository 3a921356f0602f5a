const PREFIX = 'TLS: '

/** What is wrong with a certificate, before the words of the library; it names more codes than matter to who reads them. */
const MEANINGS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate expired',
  CERT_NOT_YET_VALID: 'certificate not valid yet',
  CERT_REVOKED: 'certificate revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'name does not match',
  HOSTNAME_MISMATCH: 'name does not match',
}

/** Why a connection was not secured: what it means, in the words of the library, and with its code. */
export function tlsFailure(error: Error | null): string {
  if (error === null) return `${PREFIX}the backend ended the handshake`
  const { code = '', message } = error as NodeJS.ErrnoException
  const meaning = MEANINGS[code]
  return `${PREFIX}${meaning === undefined ? '' : `${meaning}: `}${message}${message.includes(code) ? '' : ` (${code})`}`
}

/** For a sentence that speaks of TLS anyway. */
export function withoutTlsPrefix(reason: string): string {
  return reason.startsWith(PREFIX) ? reason.slice(PREFIX.length) : reason
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
