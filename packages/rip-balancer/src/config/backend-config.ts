import { addressText, type BackendAddress } from '../address/backend-address.ts'
import { DEFAULT_WEIGHT } from '../defaults.ts'
import type { BackendSpec } from '../pool/pooled-backend.ts'
import type { BackendTlsConfig } from '../settings/backend-tls.ts'
import { backendForm, parseBackendAddress } from './address.ts'
import { asObject, ConfigReader, shown } from './config-reader.ts'

/** What holds for backends that do not say. */
export interface BackendDefaults {
  readonly maxInFlight: number
  /** Where no TLS is spoken, HTTP/2 is. */
  readonly http2: boolean
}

/** Reads `to`. */
export function readBackends(
  reader: ConfigReader,
  defaults: BackendDefaults,
  problems: string[],
): BackendSpec[] {
  const backends = reader.list('to', (value, path) => readBackend(value, path, defaults, problems))
  const ids = backends.map(({ id }) => id)
  for (const id of new Set(ids.filter((each, at) => ids.indexOf(each) !== at)))
    problems.push(`to: two backends have the id ${shown(id)}; give each its own`)
  return backends
}

/** Reads one element of `to`. @returns `undefined` when it has no address that can be used */
export function readBackend(
  value: unknown,
  path: string,
  { maxInFlight, http2: byDefault }: BackendDefaults,
  problems: string[],
): BackendSpec | undefined {
  const reader = new ConfigReader(asObject(value), path, problems)
  const text = reader.text('address') ?? ''
  const address = parseBackendAddress(text)
  const tls = reader.has('tls') ? readBackendTls(reader.object('tls')) : undefined
  const spec = {
    id: reader.text('id'),
    maxInFlight: reader.count('maxInFlight', maxInFlight, 1),
    weight: reader.weight('weight', DEFAULT_WEIGHT),
  }
  const http2 = reader.has('http2') ? reader.flag('http2', false) : undefined
  reader.end()
  if (address === undefined) return reader.problem('address', backendForm(text))
  const secured = tls === undefined ? address : withTls(address, tls)
  if (secured === undefined) return reader.problem('tls', TLS_FORM)
  const place = http2 === true ? withHttp2(secured) : secured
  if (place === undefined) return reader.problem('http2', HTTP2_FORM)
  const spoken = http2 === undefined && byDefault ? (withHttp2(place) ?? place) : place
  return { ...spec, address: spoken, id: spec.id ?? addressText(address) }
}

/** What is accepted as `http2` of one backend, for messages. */
export const HTTP2_FORM = 'nothing, as TLS is spoken there'

/** The address with HTTP/2 beside HTTP/1.1; `undefined` where it is not spoken in plain text. */
export function withHttp2(address: BackendAddress): BackendAddress | undefined {
  if (address.kind === 'unix') return { ...address, http2: 'also' }
  return address.tls === undefined ? { http2: 'also', ...address } : undefined
}

/** What is accepted as TLS of one backend, for messages. */
export const TLS_FORM = 'nothing, as the address does not begin with https://'

/** The address with TLS of its own; `undefined` when none is spoken there. */
export function withTls(address: BackendAddress, own: BackendTlsConfig): BackendAddress | undefined {
  if (address.kind === 'unix' || address.tls === undefined) return undefined
  return { ...address, tls: { ...address.tls, own } }
}

/** @returns only what is said */
export function readBackendTls(reader: ConfigReader): BackendTlsConfig {
  const texts = (['ca', 'cert', 'key', 'serverName'] as const).flatMap((key) => {
    const text = reader.text(key)
    return text === undefined ? [] : [[key, text] as const]
  })
  const verify = reader.has('verify') ? { verify: reader.flag('verify', true) } : {}
  reader.end()
  return { ...Object.fromEntries(texts), ...verify }
}
