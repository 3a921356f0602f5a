import { isIP } from 'node:net'
import { resolveBackends } from '../config/resolve-config.ts'
import { addressText, type MemberSpec } from '../pool/member.ts'
import type { Pool } from '../pool/pool.ts'
import { Discovery, type BackendList } from './discovery.ts'
import { dns, type ResolveName } from './dns.ts'

export interface MembershipOptions {
  readonly warn: (message: string) => void
  /** @default the system's name servers, then its hosts file */
  readonly resolve?: ResolveName
}

/**
 * Who is in a pool outside generations: backends as declared, those behind names as the names resolve, or whatever
 * a source hands over.
 */
export class Membership implements Disposable {
  private readonly pool: Pool
  private readonly options: MembershipOptions
  private readonly discoveries = new Set<Discovery>()
  private names = new AbortController()

  constructor(pool: Pool, options: MembershipOptions) {
    this.pool = pool
    this.options = options
  }

  /** All new requests go to these backends, and to every address of those that are names. */
  declare(specs: readonly MemberSpec[]): void {
    this.names.abort()
    this.names = new AbortController()
    this.apply(specs)
    const resolved = new Map<MemberSpec, readonly MemberSpec[]>()
    for (const spec of specs.filter(isNamed)) void this.follow(spec, specs, resolved, this.names.signal)
  }

  /** Every list of the source replaces the one before. Resolves when the source has ended. */
  async discover(source: AsyncIterable<BackendList>, maxInFlight: () => number): Promise<void> {
    const apply = (list: BackendList): void => this.declare(resolveBackends(list, maxInFlight()))
    const discovery = new Discovery(source, apply, this.options.warn)
    this.discoveries.add(discovery)
    await discovery.run()
    this.discoveries.delete(discovery)
  }

  /** The pool keeps the members it has. */
  [Symbol.dispose](): void {
    this.names.abort()
    for (const discovery of this.discoveries) void discovery[Symbol.asyncDispose]()
  }

  /** Until a name is resolved for the first time, connecting resolves it. */
  private async follow(
    named: MemberSpec,
    all: readonly MemberSpec[],
    resolved: Map<MemberSpec, readonly MemberSpec[]>,
    signal: AbortSignal,
  ): Promise<void> {
    const { resolve } = this.options
    for await (const list of dns(addressText(named.address), { signal, ...(resolve && { resolve }) })) {
      if (signal.aborted) return
      resolved.set(
        named,
        resolveBackends(list, named.maxInFlight).map((each) => withOrigin(each, named)),
      )
      this.apply(all.flatMap((spec) => resolved.get(spec) ?? [spec]))
    }
  }

  private apply(specs: readonly MemberSpec[]): void {
    this.pool.prepare(undefined, specs)
    this.pool.cut(undefined)
  }
}

const withOrigin = (spec: MemberSpec, { id, weight }: MemberSpec): MemberSpec => ({
  ...spec,
  id: `${id}@${spec.id}`,
  origin: id,
  weight,
})

/** `localhost` means this machine, whatever its addresses are: connecting finds the one that listens. */
function isNamed({ address }: MemberSpec): boolean {
  return address.kind === 'tcp' && isIP(address.host) === 0 && !/(?:^|\.)localhost$/i.test(address.host)
}
