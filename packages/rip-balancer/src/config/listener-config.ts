import { DEFAULT_LISTEN } from '../defaults.ts'
import { listenForm, parseListenAddress, type ListenAddress } from './address.ts'
import { asObject, ConfigReader } from './config-reader.ts'

/** Where is listened, and how. */
export interface ResolvedListener {
  readonly address: ListenAddress
  readonly tls:
    | { readonly certFile: string; readonly keyFile: string; readonly keptFile?: string | undefined }
    | undefined
  readonly http2: boolean
  readonly reusePort: boolean
}

/** Where is listened if the configuration does not say. */
export const defaultListeners = (): ResolvedListener[] => [
  { address: parseListenAddress(DEFAULT_LISTEN)!, tls: undefined, http2: false, reusePort: false },
]

/** Reads one element of `listen`. @returns `undefined` when it has no address */
export function readListener(value: unknown, path: string, problems: string[]): ResolvedListener | undefined {
  const reader = new ConfigReader(asObject(value), path, problems)
  const text = reader.text('address') ?? ''
  const address = parseListenAddress(text)
  const files = reader.has('tls') ? reader.object('tls') : undefined
  const tls = files === undefined ? undefined : readTls(files)
  const http2 = reader.flag('http2', tls !== undefined)
  const reusePort = reader.flag('reusePort', false)
  reader.end()
  if (address === undefined) return reader.problem('address', listenForm(text))
  return { address, tls, http2, reusePort }
}

function readTls(reader: ConfigReader): ResolvedListener['tls'] {
  const certFile = reader.text('cert') ?? reader.problem('cert', 'the path of a PEM file')
  const keyFile = reader.text('key') ?? reader.problem('key', 'the path of a PEM file')
  const keptFile = reader.text('kept')
  reader.end()
  return { certFile: certFile ?? '', keyFile: keyFile ?? '', ...(keptFile !== undefined && { keptFile }) }
}
