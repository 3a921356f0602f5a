import type { Backend } from '../../src/upstream/backend.ts'
import type { BackendAddress } from '../../src/address/backend-address.ts'
import type { Outcome } from '../../src/pool/claim.ts'
import { Pool } from '../../src/pool/pool.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import { FakeClock, TestClaimant, member } from './fixtures.ts'

/** A pool of backends that may be out of reach, with what it reports and whom it asks. */
export interface EjectionPool {
  readonly pool: Pool
  readonly clock: FakeClock
  /** Ejections and returns, as text. */
  readonly told: string[]
  /** Paths of backends that take connections. */
  readonly listening: Set<string>
  /** Paths of backends that answer no questions. */
  readonly deaf: Set<string>
  /** Paths of the backends that were asked. */
  readonly asked: string[]
}

export function setup(ids: readonly string[], options: Partial<PoolOptions> = {}): EjectionPool {
  const clock = new FakeClock()
  const told: string[] = []
  const listening = new Set<string>()
  const deaf = new Set<string>()
  const asked: string[] = []
  const pool = new Pool({
    clock,
    reach: (address) => Promise.resolve({ reached: listening.has(pathOf(address)) }),
    ask: (address) => {
      asked.push(pathOf(address))
      return Promise.resolve({ reached: !deaf.has(pathOf(address)) })
    },
    observer: {
      ejected: ({ id }, forMs, reason) => void told.push(`${id} ${reason} ${forMs}`),
      readmitted: ({ id }) => void told.push(`${id} back`),
    },
    ...options,
  })
  pool.prepare(
    undefined,
    ids.map((id) => member(id, { maxInFlight: 1_000 })),
  )
  return { pool, clock, told, listening, deaf, asked }
}

const pathOf = (address: BackendAddress): string => (address.kind === 'unix' ? address.path : address.host)

interface Request {
  readonly tried?: readonly Backend[]
  readonly repeatable?: boolean
}

/** Claims a backend for a request. @throws when there is none */
export function claimed(pool: Pool, { tried = [], repeatable = true }: Request = {}): Backend {
  const claimant = new TestClaimant()
  claimant.isRepeatable = repeatable
  const backend = pool.claim(claimant, tried)
  if (typeof backend === 'string') throw new Error(`no backend: ${backend}`)
  return backend
}

/** Sends one request after the other; the outcome depends on the backend. @returns the backends chosen */
export function run(
  pool: Pool,
  count: number,
  outcomeOf: (id: string) => Outcome,
  request: Request = {},
): string {
  let ids = ''
  for (let n = 0; n < count; n++) {
    const backend = claimed(pool, request)
    const { onTrial } = backend
    ids += backend.id
    pool.release(backend, outcomeOf(backend.id), onTrial)
  }
  return ids
}

/** Requests to these backends have the outcome, all others succeed. */
export const failing =
  (outcome: Outcome, ...bad: readonly string[]) =>
  (id: string): Outcome =>
    bad.includes(id) ? outcome : 'ok'

/** Lets the promises of probes settle. */
export const settled = async (): Promise<void> => {
  for (let n = 0; n < 10; n++) await Promise.resolve()
}
