import { didYouMean } from './text/suggestion.ts'
import { oneLine } from './text/one-line.ts'

/** What went wrong, by code: what happened, with which value, and what to do about it. */
const messages = {
  CONFIG_INVALID: (d: { readonly problems: readonly string[] }): string =>
    `the configuration is not valid:\n${d.problems.map((problem) => `  ${problem}`).join('\n')}`,
  USAGE: (d: { readonly message: string }): string => d.message,
  ADDRESS_IN_USE: (d: { readonly address: string }): string =>
    `${d.address} is in use; stop what listens there or choose another address`,
  LISTEN_FAILED: (d: { readonly address: string; readonly reason: string }): string =>
    `cannot listen on ${d.address}: ${d.reason}`,
  GENERATION_UNKNOWN: (d: { readonly pool: string; readonly generation: string }): string =>
    `generation ${oneLine(d.generation)} of pool ${oneLine(d.pool)} was not prepared; prepare it before the cut`,
  GENERATION_SERVING: (d: { readonly pool: string; readonly generation: string }): string =>
    `generation ${oneLine(d.generation)} of pool ${oneLine(d.pool)} is serving; cut to another one before draining it`,
  BACKEND_DUPLICATE: (d: { readonly pool: string; readonly id: string }): string =>
    `two backends of pool ${oneLine(d.pool)} have the id ${oneLine(d.id)}; give each its own`,
  BACKEND_UNKNOWN: (d: {
    readonly pool: string
    readonly id: string
    readonly known: readonly string[]
  }): string => {
    const known = d.known.map(oneLine)
    const hint = didYouMean(oneLine(d.id), known)
    const listed = `${hint === '' ? ';' : ''} known: ${known.join(', ') || 'none'}`
    return `pool ${oneLine(d.pool)} has no backend ${oneLine(d.id)}${hint}${listed}`
  },
  POOL_UNKNOWN: (d: { readonly pool: string; readonly known: readonly string[] }): string =>
    `there is no pool ${oneLine(d.pool)}; known: ${d.known.map(oneLine).join(', ')}`,
  ADMIN_UNREACHABLE: (d: { readonly address: string; readonly reason: string }): string =>
    `the balancer does not answer on ${d.address}: ${d.reason}`,
  ADMIN_REFUSED: (d: { readonly status: number; readonly message: string }): string =>
    `the balancer refused the command (${d.status}): ${d.message}`,
  CLOSED: (_: Readonly<Record<string, never>>): string => 'the balancer was closed and cannot be used again',
} as const

export type BalancerErrorCode = keyof typeof messages

export type BalancerErrorDetail<C extends BalancerErrorCode> = Parameters<(typeof messages)[C]>[0]

/** Every error this package raises on purpose; `code` says which, `detail` carries the values. */
export class BalancerError<C extends BalancerErrorCode = BalancerErrorCode> extends Error {
  override readonly name = 'BalancerError'
  readonly code: C
  readonly detail: BalancerErrorDetail<C>

  constructor(code: C, detail: BalancerErrorDetail<C>, options?: ErrorOptions) {
    // The table pairs each code with its own detail, which the union of all functions cannot express.
    super((messages[code] as (d: BalancerErrorDetail<C>) => string)(detail), options)
    this.code = code
    this.detail = detail
  }
}

const NOT_ALLOWED =
  'it is not allowed; choose a port above 1023 or a writable folder, or grant CAP_NET_BIND_SERVICE'

/** What to do about the errors of bind(2) and listen(2); for a path too long Bun says EINVAL or ENAMETOOLONG. */
const listenReasons: Readonly<Record<string, string>> = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EADDRNOTAVAIL: 'this machine does not have that address; choose one it has, or 0.0.0.0 for all',
  EINVAL: 'the path is too long for a socket; choose a shorter one',
  ENAMETOOLONG: 'the path is too long for a socket; choose a shorter one',
  ENOENT: 'its folder does not exist; create it first',
}

/** What the system said about an address that was to be listened on, as an error of this package. */
export function listenFailure(address: string, error: unknown): BalancerError {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return new BalancerError('ADDRESS_IN_USE', { address }, { cause: error })
  const reason = listenReasons[code] ?? message
  return new BalancerError('LISTEN_FAILED', { address, reason }, { cause: error })
}
