import { expect, test } from 'bun:test'
import { BalancerError } from '../../src/errors.ts'
import { Pool } from '../../src/pool/pool.ts'
import { FakeClock, member } from './fixtures.ts'

test('what cannot be done with a pool is refused by name, and says what to do', () => {
  const pool = new Pool({ name: 'app', clock: new FakeClock() })
  pool.prepare('g1', [member('a')])
  pool.cut('g1')
  const refused = (act: () => unknown): string => {
    try {
      act()
    } catch (error) {
      if (error instanceof BalancerError) return `${error.code}: ${error.message}`
      throw error
    }
    return 'nothing is refused'
  }
  const { signal } = new AbortController()
  expect(refused(() => pool.drain('g1', signal))).toStartWith(
    'GENERATION_SERVING: generation g1 of pool app is serving',
  )
  expect(refused(() => pool.compare('g1', 1))).toStartWith('GENERATION_SERVING')
  expect(refused(() => pool.cut('g2'))).toStartWith(
    'GENERATION_UNKNOWN: generation g2 of pool app was not prepared',
  )
  expect(refused(() => pool.prepare('g2', [member('b'), member('b')]))).toStartWith(
    'BACKEND_DUPLICATE: two backends',
  )
  expect(refused(() => pool.drainBackend('z', 'me'))).toMatch(/^BACKEND_UNKNOWN: .*z.*a/)
})
