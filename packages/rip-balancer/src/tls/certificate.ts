/** What a certificate says of itself. */
export interface CertificateFacts {
  /**
   * Hosts and addresses it is for, such as `shop.test` and `*.shop.test`: the alternative names of its subject, as the common
   * name is not looked at by clients (RFC 9110 §4.3.4).
   */
  readonly names: readonly string[]
  /** Milliseconds since 1970. */
  readonly validFromMs: number
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
}

/** A certificate that serves, as the admin API shows it. */
export interface CertificateStatus extends CertificateFacts {
  readonly file: string
  /** Why that file, as it is now, is not what serves; else `null`. */
  readonly problem: string | null
}

/** Reads the first certificate of a PEM chain. @throws when there is none */
export function readCertificate(pem: string): CertificateFacts {
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  const { subjectAltName, validFrom, validTo } = new X509Certificate(pem)
  return {
    names: [...(subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, name]) =>
      name!.toLowerCase(),
    ),
    validFromMs: Date.parse(validFrom),
    expiresAtMs: Date.parse(validTo),
  }
}

/** A certificate and its key, as files and as text. */
export interface CertificatePair {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: string
  readonly key: string
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** Why certificate and key cannot be used, in the words of people. @param message of the system */
export function pairProblem(pair: CertificatePair, message: string): string {
  const { certFile, keyFile, cert, key } = pair
  if (!cert.includes('-----BEGIN CERTIFICATE-----')) return `there is no certificate in ${certFile}`
  if (!/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(key)) return `there is no key in ${keyFile}`
  if (key.includes('ENCRYPTED'))
    return `the key ${keyFile} is protected by a passphrase; openssl pkey -in FILE -out FILE writes it without`
  const place = placeOfOwn(pair)
  if (place > 1)
    return `the key ${keyFile} belongs to certificate ${place} of ${certFile}, which has to be the first, in front of its issuers`
  return message.includes('KEY_VALUES_MISMATCH') || message.includes('KEY_TYPE_MISMATCH')
    ? `the key ${keyFile} does not belong to the certificate ${certFile}`
    : `${certFile} and ${keyFile} cannot be read as PEM: ${message}`
}

/** Why a file of a certificate or key cannot be read, in the words of people. @param error of the system */
export function unreadable(file: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `${file}: there is no such file`
  if (code === 'EACCES') return `${file}: permission denied`
  if (code === 'EISDIR') return `${file} is a folder`
  return `${file}: ${message}`
}

/** Which certificate of a chain belongs to the key, counted from 1; 0 when none does, or when one cannot be read. */
function placeOfOwn({ cert, key }: CertificatePair): number {
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule('node:crypto')
  try {
    const own = createPrivateKey(key)
    const chain = cert.match(CERTIFICATES) ?? []
    return chain.findIndex((each) => new X509Certificate(each).checkPrivateKey(own)) + 1
  } catch {
    return 0
  }
}

/** Why clients would refuse it at this time; `undefined` when it is valid. @param nowMs milliseconds since 1970 */
export function invalidity(
  { validFromMs, expiresAtMs }: CertificateFacts,
  nowMs: number,
): string | undefined {
  if (nowMs >= expiresAtMs) return `it expired on ${dayOf(expiresAtMs)}`
  if (nowMs < validFromMs) return `it is valid from ${new Date(validFromMs).toISOString()} on`
  return undefined
}

/** Why a certificate that is not valid must not take the place of one that is; `undefined` when it may. */
export function invalidSuccessor(
  current: CertificateFacts,
  next: CertificateFacts,
  nowMs: number,
): string | undefined {
  return invalidity(current, nowMs) === undefined ? invalidity(next, nowMs) : undefined
}

/**
 * Why a certificate for the same hosts must not take the place of one that serves; `undefined` when it may. What takes the place of one that is not
 * valid may be anything: it does no harm.
 *
 * @param nowMs milliseconds since 1970
 */
export function refusalToReplace(
  current: CertificateFacts,
  next: CertificateFacts,
  nowMs: number,
): string | undefined {
  if (invalidity(current, nowMs) !== undefined) return undefined
  const invalid = invalidSuccessor(current, next, nowMs)
  if (invalid !== undefined) return invalid
  // Nothing is lost of what clients did not accept.
  if (current.names.length === 0) return undefined
  if (current.names.some((name) => next.names.some((other) => covers(name, other) || covers(other, name))))
    return undefined
  return `it is for ${listed(next.names)}, and for none of ${listed(current.names)}`
}

/** The day in UTC, `2026-11-29`. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** A wildcard stands for one label (RFC 6125 §6.4.3). */
function covers(pattern: string, name: string): boolean {
  if (pattern === name) return true
  return pattern.startsWith('*.') && name.includes('.') && name.slice(name.indexOf('.')) === pattern.slice(1)
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'no host' : names.join(', '))
