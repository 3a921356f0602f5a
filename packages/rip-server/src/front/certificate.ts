import { invalidity, pairProblem, readCertificate } from '@rip/balancer/supervisor'
import { readFileSync } from 'node:fs'
import type { ServedCertificate } from '@rip/manager'
import type { Settings } from '../settings/settings.ts'
import { ServerError } from '../errors.ts'

type Files = Pick<Settings, 'tlsCert' | 'tlsKey'>

/** Proves that certificate and key fit, before anything is started. @throws ServerError `CONFIG_INVALID` */
export function proveCertificate({ tlsCert, tlsKey }: Files): void {
  if (tlsCert === undefined || tlsKey === undefined) return
  const cert = read(tlsCert, '--tls-cert')
  const key = read(tlsKey, '--tls-key')
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert, key })
    readCertificate(cert)
  } catch (error) {
    const problem = pairProblem({ certFile: tlsCert, keyFile: tlsKey, cert, key }, (error as Error).message)
    throw new ServerError('CONFIG_INVALID', { problems: [problem] }, { cause: error })
  }
}

/** The certificate of the settings, with why clients would refuse it now; `undefined` without TLS. */
export function settingsCertificate({ tlsCert }: Files): ServedCertificate | undefined {
  if (tlsCert === undefined) return undefined
  const facts = readCertificate(read(tlsCert, '--tls-cert'))
  return { ...facts, file: tlsCert, problem: invalidity(facts, Date.now()) ?? null }
}

function read(path: string, flag: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'permission denied' : message
    throw new ServerError('CONFIG_INVALID', { problems: [`${path}: ${why} (${flag})`] }, { cause: error })
  }
}
