import type { BackendDefaults } from '../config/backend-config.ts'
import { resolveBackends } from '../config/resolve-config.ts'
import type { BackendAddress } from '../address/backend-address.ts'
import { addressText } from '../address/backend-address.ts'
import type { BackendSpec } from '../pool/pooled-backend.ts'
import type { Pool } from '../pool/pool.ts'
import { Discovery, type BackendList } from './discovery.ts'
import { dns, type ResolveName } from './dns.ts'
import { ipVersion } from '../address/ip-version.ts'

export interface MembershipOptions {
  readonly warn: (message: string) => void
  /** @default the system's name servers, then its hosts file */
  readonly resolve?: ResolveName
}

/**
 * The backends of a pool without generations: backends as declared, those behind names as the names resolve, or whatever
 * a source hands over.
 */
export class Membership implements Disposable {
  private readonly pool: Pool
  private readonly options: MembershipOptions
  private readonly discoveries = new Set<Discovery>()
  private names = new AbortController()
  /** What names were resolved to last, by `host:port`: it counts until they are resolved again. */
  private answers = new Map<string, BackendList>()

  constructor(pool: Pool, options: MembershipOptions) {
    this.pool = pool
    this.options = options
  }

  /** All new requests go to these backends, and to every address of those that are names. */
  declare(specs: readonly BackendSpec[]): void {
    this.names.abort()
    this.names = new AbortController()
    const before = this.answers
    this.answers = new Map()
    for (const { address } of specs) {
      const answer = before.get(addressText(address))
      if (answer !== undefined) this.answers.set(addressText(address), answer)
    }
    this.apply(specs)
    for (const spec of specs.filter(isNamed)) void this.follow(spec, specs, this.names.signal)
  }

  /** Every list of the source replaces the previous one. Resolves when the source has ended. */
  async discover(source: AsyncIterable<BackendList>, defaults: () => BackendDefaults): Promise<void> {
    const apply = (list: BackendList): void => this.declare(resolveBackends(list, defaults()))
    const discovery = new Discovery(source, apply, this.options.warn)
    this.discoveries.add(discovery)
    await discovery.run()
    this.discoveries.delete(discovery)
  }

  /** The pool keeps the backends it has. */
  [Symbol.dispose](): void {
    this.names.abort()
    for (const discovery of this.discoveries) void discovery[Symbol.asyncDispose]()
  }

  /** Until a name is resolved for the first time, connecting resolves it. */
  private async follow(named: BackendSpec, all: readonly BackendSpec[], signal: AbortSignal): Promise<void> {
    const { resolve } = this.options
    const name = addressText(named.address)
    const plain = addressText(plainly(named.address))
    for await (const list of dns(plain, { signal, ...(resolve && { resolve }) })) {
      if (signal.aborted) return
      this.answers.set(name, list)
      this.apply(all)
    }
  }

  private apply(specs: readonly BackendSpec[]): void {
    this.pool.prepare(
      undefined,
      specs.flatMap((spec) => this.resolved(spec)),
    )
    this.pool.cut(undefined)
  }

  private resolved(spec: BackendSpec): readonly BackendSpec[] {
    const answer = this.answers.get(addressText(spec.address))
    if (answer === undefined) return [spec]
    const { maxInFlight } = spec
    return resolveBackends(answer, { maxInFlight, http2: false }).map((each) => withOrigin(each, spec))
  }
}

const withOrigin = (spec: BackendSpec, { id, weight, address }: BackendSpec): BackendSpec => ({
  ...spec,
  id: `${id}@${spec.id}`,
  origin: id,
  address: spokenToAs(spec.address, address),
  weight,
})

function plainly(address: BackendAddress): BackendAddress {
  if (address.kind === 'unix') return address
  const { host, port } = address
  return { kind: 'tcp', host, port }
}

/** TLS and HTTP/2 are those of the name; certificates name the host, not its addresses. */
function spokenToAs(address: BackendAddress, named: BackendAddress): BackendAddress {
  if (address.kind === 'unix' || named.kind === 'unix') return address
  const { tls = address.tls, http2 = address.http2 } = named
  return { ...address, ...(tls && { tls }), ...(http2 && { http2 }) }
}

/** `localhost` means this machine, whatever its addresses are: connecting finds the one that listens. */
function isNamed({ address }: BackendSpec): boolean {
  return address.kind === 'tcp' && ipVersion(address.host) === 0 && !/(?:^|\.)localhost$/i.test(address.host)
}
