import type { SecureContextOptions } from 'node:tls'
import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import { BalancerError } from '../errors.ts'
import type { BackendAddress, BackendTls } from '../address/backend-address.ts'
import { PemFiles } from './pem-files.ts'

/** Version number of TLS 1.2 on the wire (RFC 5246 §E.1), as Bun wants it. */
const TLS_1_2 = 0x0303

/** What one connection to a backend is secured with, as Bun takes it. */
export interface SecureOptions extends Pem {
  /** The name that the certificate has to have and that is sent as SNI; an IP address is not sent. */
  readonly serverName: string
  readonly rejectUnauthorized: boolean
  readonly minVersion: number
}

/** Texts of PEM files. */
interface Pem {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/**
 * How TLS is spoken to backends: what the configuration says for all, and a backend for itself. Files are read again
 * when they change, for the connections opened from then on; one that cannot be read any more is used as it was.
 */
export class BackendTlsSettings {
  private readonly common: BackendTlsConfig
  private readonly files: PemFiles

  /** @param warn called with the reason why a changed file is not used */
  constructor(common: BackendTlsConfig = {}, warn: (message: string) => void = () => {}) {
    this.common = common
    this.files = new PemFiles(warn)
  }

  /** @throws `CONFIG_INVALID` when a file cannot be read, or a certificate and its key do not fit together */
  check(addresses: readonly BackendAddress[]): void {
    const all = [{ path: 'backendTls', tls: this.common }]
    for (const [at, address] of addresses.entries()) {
      const own = address.kind === 'tcp' ? address.tls?.own : undefined
      if (own !== undefined) all.push({ path: `to[${at}].tls`, tls: { ...this.common, ...own } })
    }
    const problems = all.flatMap(({ path, tls }) => this.problemOf(path, tls) ?? [])
    if (problems.length > 0) throw new BalancerError('CONFIG_INVALID', { problems })
  }

  optionsFor({ name, own }: BackendTls): SecureOptions {
    const { serverName = name, verify = true, ...paths } = { ...this.common, ...own }
    return {
      ...this.read(paths),
      serverName,
      rejectUnauthorized: verify,
      minVersion: TLS_1_2,
    }
  }

  private read({ ca, cert, key }: BackendTlsConfig): Pem {
    return {
      ...(ca !== undefined && { ca: this.files.read(ca) }),
      ...(cert !== undefined && { cert: this.files.read(cert) }),
      ...(key !== undefined && { key: this.files.read(key) }),
    }
  }

  private problemOf(path: string, tls: BackendTlsConfig): string | undefined {
    if ((tls.cert === undefined) !== (tls.key === undefined)) return `${path}: cert and key go together`
    // Without files there is nothing to prove, and the module takes as long to load as all the rest of the configuration.
    if (tls.ca === undefined && tls.cert === undefined) return undefined
    try {
      const { ca, cert, key } = this.read(tls)
      process.getBuiltinModule('node:tls').createSecureContext({ ca, cert, key } as SecureContextOptions)
      return undefined
    } catch (error) {
      const used = [tls.ca, tls.cert, tls.key].filter((file) => file !== undefined)
      return `${path}: ${used.join(', ')} cannot be used: ${(error as Error).message}`
    }
  }
}
