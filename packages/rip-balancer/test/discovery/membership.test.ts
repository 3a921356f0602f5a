import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import type { ResolvedName } from '../../src/discovery/dns.ts'
import { Membership } from '../../src/discovery/membership.ts'
import type { BackendSpec } from '../../src/pool/pooled-backend.ts'
import { Pool } from '../../src/pool/pool.ts'
import { member } from '../pool/fixtures.ts'

const at = (id: string, host: string): BackendSpec =>
  member(id, { address: { kind: 'tcp', host, port: 3000 }, maxInFlight: 7, weight: 2 })

const addresses = (pool: Pool): string[] => pool.status().backends.map(({ address }) => address)

/** A name server whose answers the test gives one by one. */
class Answers {
  asked = 0
  readonly hosts: string[] = []
  private readonly answers: (readonly string[] | Error)[]

  constructor(...answers: (readonly string[] | Error)[]) {
    this.answers = answers
  }

  readonly resolve = async (host: string): Promise<readonly ResolvedName[]> => {
    this.asked++
    this.hosts.push(host)
    const answer = this.answers.length > 1 ? this.answers.shift()! : this.answers[0]!
    if (answer instanceof Error) throw answer
    return answer.map((address) => ({ address, ttlMs: 0 }))
  }
}

describe('backends that are names', () => {
  test('become one backend for each address, and change with the name', async () => {
    const answers = new Answers(['10.0.0.1', '10.0.0.2'], new Error('SERVFAIL'), ['10.0.0.2', '10.0.0.3'])
    const pool = new Pool()
    using membership = new Membership(pool, { warn: () => {}, resolve: answers.resolve })
    membership.declare([at('app', 'app.internal'), at('fixed', '10.0.0.9')])
    expect(addresses(pool)).toEqual(['app.internal:3000', '10.0.0.9:3000'])
    await until('the first answer', () => addresses(pool).includes('10.0.0.1:3000'))
    expect(pool.status().backends).toMatchObject([
      { id: 'app@10.0.0.1:3000', maxInFlight: 7, weight: 2 },
      { id: 'app@10.0.0.2:3000', maxInFlight: 7, weight: 2 },
      { id: 'fixed' },
    ])
    const [, stays] = pool.backends
    await until('the answer after the failure', () => addresses(pool).includes('10.0.0.3:3000'))
    expect(addresses(pool)).toEqual(['10.0.0.2:3000', '10.0.0.3:3000', '10.0.0.9:3000'])
    expect(pool.backends[0]).toBe(stays!)
  })

  test('keep their addresses when they are declared again, with the new options', async () => {
    const answers = new Answers(['10.0.0.1', '10.0.0.2'])
    const pool = new Pool()
    using membership = new Membership(pool, { warn: () => {}, resolve: answers.resolve })
    membership.declare([at('app', 'app.internal')])
    await until('the first answer', () => addresses(pool).includes('10.0.0.1:3000'))
    const before = pool.backends
    membership.declare([{ ...at('app', 'app.internal'), weight: 5 }, at('fixed', '10.0.0.9')])
    expect(pool.backends.slice(0, 2)).toEqual([before[0]!, before[1]!])
    expect(pool.backends.map(({ weight }) => weight)).toEqual([5, 5, 2])
    membership.declare([at('fixed', '10.0.0.9')])
    membership.declare([at('app', 'app.internal')])
    expect(addresses(pool)).toEqual(['app.internal:3000'])
  })

  test('keep the name their certificates have', async () => {
    const answers = new Answers(['10.0.0.1', '2001:db8::1'])
    const pool = new Pool()
    using membership = new Membership(pool, { warn: () => {}, resolve: answers.resolve })
    const tls = { name: 'app.internal', own: { ca: '/ca.pem' } }
    membership.declare([member('app', { address: { kind: 'tcp', host: 'app.internal', port: 443, tls } })])
    await until('the answer', () => addresses(pool).length === 2)
    expect(addresses(pool)).toEqual(['https://10.0.0.1:443', 'https://[2001:db8::1]:443'])
    expect(pool.backends.map(({ address }) => address)).toMatchObject([{ tls }, { tls }])
  })

  test('do not include `localhost` and addresses, which are not resolved', async () => {
    const answers = new Answers(['10.0.0.1'])
    const pool = new Pool()
    using membership = new Membership(pool, { warn: () => {}, resolve: answers.resolve })
    membership.declare([at('a', 'localhost'), at('b', 'x.localhost'), at('c', '::1'), member('d')])
    membership.declare([at('e', 'named')])
    await until('a name is asked for', () => answers.asked > 0)
    expect(answers.hosts).toEqual(['named'])
  })

  test('are forgotten when others are declared', async () => {
    const late = Promise.withResolvers<readonly ResolvedName[]>()
    const pool = new Pool()
    using membership = new Membership(pool, { warn: () => {}, resolve: () => late.promise })
    membership.declare([at('app', 'app.internal')])
    membership.declare([at('fixed', '10.0.0.9')])
    late.resolve([{ address: '10.0.0.1', ttlMs: 0 }])
    await late.promise
    await Promise.resolve()
    expect(addresses(pool)).toEqual(['10.0.0.9:3000'])
  })
})
