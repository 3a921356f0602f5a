import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Settings } from '../settings/settings.ts'
import { ServerError } from '../errors.ts'

/** Proves certificate and key before anything is started. Throws {@link ServerError} `CONFIG_INVALID`. */
export function proveCertificate({ tlsCert, tlsKey }: Pick<Settings, 'tlsCert' | 'tlsKey'>): void {
  if (tlsCert === undefined || tlsKey === undefined) return
  try {
    createSecureContext({ cert: readFileSync(tlsCert), key: readFileSync(tlsKey) })
  } catch (error) {
    const problem = `${tlsCert} and ${tlsKey} are no certificate with its key: ${(error as Error).message}`
    throw new ServerError('CONFIG_INVALID', { problems: [problem] }, { cause: error })
  }
}
