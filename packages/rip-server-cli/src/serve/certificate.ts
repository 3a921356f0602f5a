import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Settings } from '../config/settings.ts'
import { CliError } from '../errors.ts'

/** Proves certificate and key before anything is started. Throws {@link CliError} `CONFIG_INVALID`. */
export function proveCertificate({ tlsCert, tlsKey }: Pick<Settings, 'tlsCert' | 'tlsKey'>): void {
  if (tlsCert === undefined || tlsKey === undefined) return
  try {
    createSecureContext({ cert: readFileSync(tlsCert), key: readFileSync(tlsKey) })
  } catch (error) {
    const problem = `${tlsCert} and ${tlsKey} are no certificate with its key: ${(error as Error).message}`
    throw new CliError('CONFIG_INVALID', { problems: [problem] }, { cause: error })
  }
}
