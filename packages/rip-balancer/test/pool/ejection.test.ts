import { describe, expect, test } from 'bun:test'
import type { Backend } from '../../src/upstream/backend.ts'
import type { BackendAddress } from '../../src/address/backend-address.ts'
import type { Outcome } from '../../src/pool/claim.ts'
import { Pool } from '../../src/pool/pool.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import type { Sighting } from '../../src/pool/reach.ts'
import { FakeClock, TestClaimant, member } from './fixtures.ts'

/** A pool, and the events it reports. */
function setup(ids: readonly string[], options: Partial<PoolOptions> = {}) {
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

function claimed(pool: Pool, { tried = [], repeatable = true }: Request = {}): Backend {
  const claimant = new TestClaimant()
  claimant.isRepeatable = repeatable
  const backend = pool.claim(claimant, tried)
  if (typeof backend === 'string') throw new Error(`no backend: ${backend}`)
  return backend
}

/** Sends one request after the other; the outcome depends on the backend. @returns the backends chosen */
function run(pool: Pool, count: number, outcomeOf: (id: string) => Outcome, request: Request = {}): string {
  let ids = ''
  for (let n = 0; n < count; n++) {
    const backend = claimed(pool, request)
    const { onTrial } = backend
    ids += backend.id
    pool.release(backend, outcomeOf(backend.id), onTrial)
  }
  return ids
}

const failing =
  (outcome: Outcome, ...bad: readonly string[]) =>
  (id: string): Outcome =>
    bad.includes(id) ? outcome : 'ok'

/** Lets the promises of probes settle. */
const settled = async (): Promise<void> => {
  for (let n = 0; n < 10; n++) await Promise.resolve()
}

describe('a backend that refuses connections', () => {
  test('is put aside after one refused connection, in any number', () => {
    const { pool, told } = setup(['a', 'b', 'c'])
    expect(run(pool, 6, failing('connect-failed', 'b', 'c'))).toBe('abcaaa')
    expect(told).toEqual(['b refuses 1000', 'c refuses 1000'])
  })

  test('costs no further request: connections without a request find out when it listens again', async () => {
    const { pool, clock, told, listening } = setup(['a', 'b'])
    run(pool, 2, failing('connect-failed', 'b'))
    clock.advance(250)
    await settled()
    expect(run(pool, 4, failing('connect-failed', 'b'))).toBe('aaaa')
    listening.add('/run/b.sock')
    clock.advance(499)
    await settled()
    expect(told).toEqual(['b refuses 1000'])
    clock.advance(1)
    await settled()
    expect(told).toEqual(['b refuses 1000', 'b back'])
    expect(run(pool, 4, () => 'ok')).toContain('b')
  })

  test('is back at the latest a second after it listens again, however long it was away', async () => {
    const { pool, clock, told, listening } = setup(['a', 'b'])
    run(pool, 2, failing('connect-failed', 'b'))
    for (let second = 0; second < 100; second++) {
      clock.advance(1_000)
      await settled()
    }
    listening.add('/run/b.sock')
    clock.advance(1_000)
    await settled()
    expect(told.at(-1)).toBe('b back')
  })

  test('lets a request try each backend once before it fails', () => {
    const { pool } = setup(['a', 'b'])
    const tried: Backend[] = []
    for (let n = 0; n < 2; n++) {
      const backend = claimed(pool, { tried })
      pool.release(backend, 'connect-failed', backend.onTrial)
      tried.push(backend)
    }
    expect(tried.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(pool.claim(new TestClaimant(), tried)).toBe('no-backend')
  })

  test('is tried when there is no other, up to three for one request, without being put aside anew', () => {
    const { pool, told } = setup(['a', 'b', 'c', 'd'])
    run(pool, 4, () => 'connect-failed')
    expect(told).toHaveLength(4)
    const tried: Backend[] = []
    for (;;) {
      const backend = pool.claim(new TestClaimant(), tried)
      if (typeof backend === 'string') break
      pool.release(backend, 'connect-failed', backend.onTrial)
      tried.push(backend)
    }
    expect(new Set(tried).size).toBe(3)
    expect(told).toHaveLength(4)
  })

  test('is back at its first answer when it was tried because no other was left', () => {
    const { pool, told } = setup(['a'])
    run(pool, 1, () => 'connect-failed')
    run(pool, 1, () => 'ok')
    expect(told).toEqual(['a refuses 1000', 'a back'])
  })
})

describe('a backend that does not take connections in time', () => {
  test('is put aside when there is another, and comes back when it takes one', async () => {
    const { pool, clock, told, listening } = setup(['a', 'b'])
    expect(run(pool, 4, failing('connect-timeout', 'b'))).toBe('abaa')
    expect(told).toEqual(['b silent 1000'])
    listening.add('/run/b.sock')
    clock.advance(1_000)
    await settled()
    expect(told.at(-1)).toBe('b back')
  })

  test('is put aside beyond the allowed share when a second connection confirms it', async () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 2, () => 'connect-timeout')
    expect(told).toEqual(['a silent 1000'])
    await settled()
    expect(told).toEqual(['a silent 1000', 'b silent 1000'])
    expect(pool.claim(new TestClaimant())).toBe('no-backend')
  })
})

describe('a backend that fails requests others answer', () => {
  test.each(['reset', 'response-timeout', 'bad-response'] as const)('by %s is put aside', (outcome) => {
    const { pool, told } = setup(['a', 'b'])
    expect(run(pool, 8, failing(outcome, 'b'))).toBe('ababaaaa')
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is not put aside when the others fail as well: then the requests are the cause', () => {
    const { pool, told } = setup(['a', 'b', 'c'])
    run(pool, 300, () => 'reset')
    expect(told).toEqual([])
  })

  test('is put aside for one failure in ten', () => {
    const { pool, told } = setup(['a', 'b'])
    let requests = 0
    run(pool, 60, (id) => (id === 'b' && ++requests % 10 === 0 ? 'reset' : 'ok'))
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is not put aside beyond half of the backends, nor as the last one', () => {
    const { pool, told } = setup(['a', 'b', 'c', 'd'])
    run(pool, 200, failing('reset', 'b', 'c', 'd'))
    expect(told).toHaveLength(2)
    const alone = setup(['a'])
    run(alone.pool, 200, () => 'reset')
    expect(alone.told).toEqual([])
  })

  test('with too few requests to compare rates is put aside after three failures in a row', () => {
    const { pool, clock, told } = setup(['a', 'b'])
    for (let n = 0; n < 3; n++) {
      run(pool, 2, failing('reset', 'b'))
      clock.advance(11_000)
    }
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is asked by the balancer first, so that no request fails while it does not answer', async () => {
    const { pool, clock, told, deaf } = setup(['a', 'b'])
    deaf.add('/run/b.sock')
    run(pool, 4, failing('reset', 'b'))
    for (let second = 0; second < 4; second++) {
      clock.advance(1_000)
      await settled()
      expect(run(pool, 3, failing('reset', 'b'))).toBe('aaa')
    }
    deaf.clear()
    clock.advance(4_000)
    await settled()
    expect(run(pool, 3, () => 'ok')).toContain('b')
    expect(told).toEqual(['b suspect 1000', 'b back'])
  })

  test('is tried by one request at a time, one that can be sent elsewhere', async () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    expect(run(pool, 3, () => 'ok', { repeatable: false })).toBe('aaa')
    const trial = [claimed(pool), claimed(pool)].find(({ id }) => id === 'b')
    expect(trial?.onTrial).toBe(true)
    expect(run(pool, 3, () => 'ok')).toBe('aaa')
    pool.release(trial!, 'reset', true)
    expect(told).toEqual(['b suspect 1000', 'b suspect 2000'])
    clock.advance(2_000)
    await settled()
    expect(run(pool, 2, () => 'ok')).toContain('b')
    expect(told.at(-1)).toBe('b back')
  })

  test.each([
    {
      what: 'that answers is tried by any request when none came',
      isDeaf: false,
      repeatable: false,
      afterMs: 2_000,
    },
    {
      what: 'that answers no question is tried by a request',
      isDeaf: true,
      repeatable: true,
      afterMs: 5_000,
    },
    {
      what: 'that answers no question is tried by any request',
      isDeaf: true,
      repeatable: false,
      afterMs: 25_000,
    },
  ])('$what that can be sent elsewhere, after $afterMs ms', async ({ isDeaf, repeatable, afterMs }) => {
    const { pool, clock, deaf } = setup(['a', 'b'])
    if (isDeaf) deaf.add('/run/b.sock')
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    clock.advance(afterMs - 1_001)
    expect(run(pool, 2, () => 'ok', { repeatable })).toBe('aa')
    clock.advance(1)
    expect(run(pool, 2, () => 'ok', { repeatable })).toContain('b')
  })

  test('is not brought back by answers to earlier requests', () => {
    const { pool, told } = setup(['a', 'b'])
    const [, before] = [claimed(pool), claimed(pool)]
    run(pool, 4, failing('reset', 'b'))
    pool.release(before!, 'ok')
    expect(told).toEqual(['b suspect 1000'])
  })

  test('is put aside by one failure soon after its return, for longer; later as if for the first time', async () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    run(pool, 4, () => 'ok')
    clock.advance(3_000)
    run(pool, 4, failing('reset', 'b'))
    expect(told).toEqual(['b suspect 1000', 'b back', 'b suspect 2000'])
    clock.advance(2_000)
    await settled()
    run(pool, 4, () => 'ok')
    clock.advance(60_000)
    run(pool, 8, failing('reset', 'b'))
    expect(told.at(-1)).toBe('b suspect 1000')
  })
})

describe('a backend that answers nothing for far longer than usual', () => {
  /** Both answer, b has a request in flight, and time passes. */
  function quietFor(ms: number, options: Partial<PoolOptions> = {}, usualMs = 10) {
    const stage = setup(['a', 'b'], options)
    for (let n = 0; n < 4; n++) {
      const [a, b] = [claimed(stage.pool), claimed(stage.pool)]
      stage.clock.advance(usualMs)
      for (const backend of [a, b]) stage.pool.release(backend, 'ok')
    }
    // The second request for b is the first that finds it busy.
    const held = Array.from({ length: 4 }, () => claimed(stage.pool))
    for (const backend of held) if (backend.id === 'a') stage.pool.release(backend, 'ok')
    stage.clock.advance(ms)
    return { ...stage, held: held.find(({ id }) => id === 'b')! }
  }

  test('gets no requests while others take them, and its share when it answers', () => {
    const { pool, held, told } = quietFor(251)
    for (const repeatable of [true, false]) expect(run(pool, 4, () => 'ok', { repeatable })).toBe('aaaa')
    pool.release(held, 'ok')
    expect(run(pool, 4, () => 'ok')).toContain('b')
    expect(told).toEqual([])
  })

  test.each([
    ['a quarter of a second', 250, 10],
    ['four times as long as it usually is', 1_200, 300],
  ])('still gets requests before %s', (_, ms, usualMs) => {
    const { pool } = quietFor(ms, {}, usualMs)
    expect(run(pool, 4, () => 'ok')).toContain('b')
  })

  test('is preferred to one that is full', () => {
    const { pool } = quietFor(1_000)
    pool.backends[0]!.maxInFlight = 0
    expect(run(pool, 1, () => 'ok')).toBe('b')
  })

  test('gets its share when all are silent', () => {
    const { pool, clock } = quietFor(0)
    for (let n = 0; n < 4; n++) claimed(pool)
    clock.advance(1_000)
    expect([claimed(pool).id, claimed(pool).id].toSorted()).toEqual(['a', 'b'])
  })

  test('keeps the clients that belong to it', () => {
    const { pool, clock } = setup(['a', 'b'], { policy: 'hash' })
    const client = new TestClaimant('somebody')
    const home = pool.claim(client)
    expect(pool.claim(client)).toBe(home)
    clock.advance(1_000)
    expect(pool.claim(client)).toBe(home)
  })
})

describe('a backend whose first request failed', () => {
  const failOnce = (pool: Pool, outcome: Outcome = 'reset'): string => run(pool, 2, failing(outcome, 'b'))

  test.each(['reset', 'response-timeout', 'bad-response'] as const)(
    'is asked at once, and put aside if it does not answer: %s',
    async (outcome) => {
      const { pool, clock, told, deaf } = setup(['a', 'b'])
      deaf.add('/run/b.sock')
      failOnce(pool, outcome)
      await settled()
      expect(told).toEqual(['b suspect 1000'])
      for (let second = 0; second < 20; second++) {
        expect(run(pool, 3, failing(outcome, 'b'), { repeatable: false })).toBe('aaa')
        clock.advance(1_000)
        await settled()
      }
    },
  )

  test('is asked, and stays if it answers: the request may be the cause', async () => {
    const { pool, told, asked } = setup(['a', 'b'])
    failOnce(pool)
    await settled()
    expect(asked).toEqual(['/run/b.sock'])
    expect(told).toEqual([])
    expect(run(pool, 4, () => 'ok')).toContain('b')
  })

  test('is asked once a second at most, however many fail', async () => {
    const { pool, clock, asked } = setup(['a', 'b'], { ejection: { after: 1_000 } })
    for (const [count, afterMs] of [
      [1, 0],
      [1, 999],
      [2, 1],
    ] as const) {
      clock.advance(afterMs)
      for (let n = 0; n < 2; n++) failOnce(pool)
      await settled()
      expect(asked).toHaveLength(count)
    }
  })

  test('is put aside, in any number, if the question finds that it refuses connections', async () => {
    const { pool, told } = setup(['a', 'b', 'c'], {
      ask: () => Promise.resolve({ reached: false, failure: 'connect-failed', reason: 'connection refused' }),
    })
    run(pool, 3, failing('reset', 'b', 'c'))
    await settled()
    expect(told).toEqual(['b refuses 1000', 'c refuses 1000'])
  })

  test.each([
    ['this process could not ask', 'local-failure', 0],
    ['a request was answered meanwhile', 'timeout', 2],
  ] as const)('is not judged by the question when %s', async (_, failure, answered) => {
    const reply = Promise.withResolvers<Sighting>()
    const { pool, told } = setup(['a', 'b'], { ask: () => reply.promise })
    failOnce(pool)
    run(pool, answered, () => 'ok')
    reply.resolve({ reached: false, failure })
    await settled()
    expect(told).toEqual([])
  })

  test('stays when all fail: one has to answer', async () => {
    const { pool, told, deaf } = setup(['a', 'b'])
    deaf.add('/run/a.sock').add('/run/b.sock')
    run(pool, 4, () => 'reset')
    await settled()
    expect(told).toEqual(['a suspect 1000'])
  })

  test('is not asked again if it answers requests but no questions', async () => {
    const { pool, clock, told, deaf, asked } = setup(['a', 'b'])
    deaf.add('/run/b.sock')
    failOnce(pool)
    await settled()
    clock.advance(5_000)
    await settled()
    expect(run(pool, 2, () => 'ok')).toContain('b')
    expect(told.at(-1)).toBe('b back')
    clock.advance(60_000)
    const before = asked.length
    failOnce(pool)
    await settled()
    expect(asked).toHaveLength(before)
    expect(told.at(-1)).toBe('b back')
  })
})

describe('a backend that was put aside', () => {
  /** The backend fails, is asked until it answers, and is back with the next request. */
  async function flap({ pool, clock, deaf }: ReturnType<typeof setup>): Promise<void> {
    deaf.add('/run/b.sock')
    run(pool, 2, failing('reset', 'b'))
    await settled()
    clock.advance(500)
    await settled()
    deaf.clear()
  }

  test('is tried at once when it answers questions again', async () => {
    const stage = setup(['a', 'b'])
    await flap(stage)
    stage.clock.advance(1_000)
    await settled()
    expect(run(stage.pool, 2, () => 'ok')).toContain('b')
    expect(stage.told).toEqual(['b suspect 1000', 'b back'])
  })

  test('again and again waits for a quarter of its time, at most two seconds', async () => {
    const stage = setup(['a', 'b'])
    const { pool, clock } = stage
    for (const pauseMs of [0, 500, 1_000, 2_000, 2_000, 2_000]) {
      await flap(stage)
      for (let ms = 0; ms < 1_000 && !pool.backends[1]!.ejection!.answers; ms++) {
        clock.advance(1)
        await settled()
      }
      if (pauseMs > 0) {
        clock.advance(pauseMs - 1)
        expect(run(pool, 4, () => 'ok')).toBe('aaaa')
        clock.advance(1)
      }
      expect(run(pool, 4, () => 'ok')).toContain('b')
      clock.advance(1_000)
    }
  })

  test('and always answers questions is tried after five seconds at most, by requests that can be sent elsewhere', async () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 6, failing('reset', 'b'))
    for (let ms = 0; ms < 120_000; ms += 250) {
      clock.advance(250)
      await settled()
      run(pool, 2, failing('reset', 'b'))
    }
    expect(told.at(-1)).toBe('b suspect 60000')
    const before = told.length
    for (let ms = 0; ms < 5_500; ms += 250) {
      clock.advance(250)
      await settled()
      expect(run(pool, 2, () => 'ok', { repeatable: false })).toBe('aa')
    }
    run(pool, 2, () => 'ok')
    expect(told.slice(before)).toEqual(['b back'])
  })

  test('gets only requests that can be sent elsewhere for four times as long as it was put aside', async () => {
    const { pool, clock } = setup(['a', 'b'])
    run(pool, 4, failing('reset', 'b'))
    clock.advance(1_000)
    await settled()
    expect(run(pool, 2, () => 'ok')).toContain('b')
    clock.advance(3_999)
    expect(run(pool, 4, () => 'ok', { repeatable: false })).toBe('aaaa')
    expect(run(pool, 4, () => 'ok')).toContain('b')
    clock.advance(1)
    expect(run(pool, 4, () => 'ok', { repeatable: false })).toContain('b')
  })
})

describe('a request that waits', () => {
  test('is refused when the last backend goes: the queue is only for busy backends', () => {
    const { pool } = setup([])
    pool.prepare(undefined, [member('a')])
    const held = claimed(pool)
    const waiting = new TestClaimant()
    expect(pool.claim(waiting)).toBe('queued')
    pool.setHealth(held, false)
    expect(waiting.told).toEqual(['no-backend'])
  })

  test.each(['unhealthy', 'without weight'])('does not wait while all are %s', (how) => {
    const { pool } = setup([])
    pool.prepare(undefined, [member('a', { weight: how === 'without weight' ? 0 : 1 })])
    if (how === 'unhealthy') pool.setHealth(pool.backends[0]!, false)
    expect(pool.claim(new TestClaimant())).toBe('no-backend')
  })
})

describe('an active health check', () => {
  test('that passes brings back a backend that refused connections, before its next probe', () => {
    const { pool, clock, told } = setup(['a', 'b'])
    run(pool, 2, failing('connect-failed', 'b'))
    clock.advance(10)
    pool.noteCheck(pool.backends[1]!, true)
    expect(told).toEqual(['b refuses 1000', 'b back'])
    expect(run(pool, 4, failing('ok'))).toContain('b')
  })

  test('that passes does not bring back a backend whose requests failed', () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 20, failing('reset', 'b'))
    pool.noteCheck(pool.backends[1]!, true)
    expect(told).toEqual(['b suspect 1000'])
    expect(run(pool, 4, failing('ok'))).toBe('aaaa')
  })

  test('that had failed and passes again lets the next request try the backend', () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 20, failing('reset', 'b'))
    const b = pool.backends[1]!
    pool.setHealth(b, false, 'connection reset')
    pool.setHealth(b, true)
    expect(run(pool, 4, failing('ok'))).toContain('b')
    expect(told).toEqual(['b suspect 1000', 'b back'])
  })

  test('that had failed and passes again is not believed when that request fails', () => {
    const { pool, told } = setup(['a', 'b'])
    run(pool, 20, failing('reset', 'b'))
    const b = pool.backends[1]!
    pool.setHealth(b, false, 'connection reset')
    pool.setHealth(b, true)
    expect(run(pool, 10, failing('reset', 'b')).replaceAll('a', '')).toBe('b')
    expect(told).toEqual(['b suspect 1000', 'b suspect 2000'])
  })
})

describe('a health check that fails once', () => {
  test('sends requests to others, as long as they take them', () => {
    const { pool } = setup(['a', 'b', 'c'])
    pool.noteCheck(pool.backends[1]!, false)
    expect(run(pool, 6, failing('ok'))).not.toContain('b')
    pool.noteCheck(pool.backends[1]!, true)
    expect(run(pool, 6, failing('ok'))).toContain('b')
  })

  test('leaves a backend the requests that no other takes', () => {
    const { pool } = setup(['a', 'b'])
    const [a, b] = pool.backends
    a!.maxInFlight = 1
    pool.noteCheck(b!, false)
    expect([claimed(pool).id, claimed(pool).id]).toEqual(['a', 'b'])
  })

  test('changes nothing when all backends fail it', () => {
    const { pool } = setup(['a', 'b'])
    for (const member of pool.backends) pool.noteCheck(member, false)
    expect(run(pool, 4, failing('ok'))).toBe('abab')
  })

  test('is forgotten when checks are switched off', () => {
    const { pool } = setup(['a', 'b'])
    pool.noteCheck(pool.backends[1]!, false)
    pool.forgetHealth()
    expect(run(pool, 4, failing('ok'))).toBe('abab')
  })
})

describe('a backend of which a request failed', () => {
  test('gets no requests that cannot be repeated for a while, even if it answers others', () => {
    const { pool, clock, told } = setup(['a', 'b', 'c'], { ejection: { after: 5 } })
    expect(run(pool, 3, failing('reset', 'b'))).toBe('abc')
    expect(run(pool, 3, failing('ok'))).toContain('b')
    clock.advance(999)
    expect(run(pool, 6, failing('ok'), { repeatable: false })).not.toContain('b')
    clock.advance(1)
    expect(run(pool, 3, failing('ok'), { repeatable: false })).toContain('b')
    expect(told).toEqual([])
  })

  test('is no longer avoided after a while without requests that can be repeated', () => {
    const { pool, clock } = setup(['a', 'b'])
    run(pool, 2, failing('reset', 'b'))
    clock.advance(999)
    expect(run(pool, 2, failing('ok'), { repeatable: false })).toBe('aa')
    clock.advance(1)
    expect(run(pool, 2, failing('ok'), { repeatable: false })).toContain('b')
  })

  test('is used when there is no other', () => {
    const { pool } = setup(['a', 'b'])
    run(pool, 2, failing('reset', 'a', 'b'))
    expect(run(pool, 4, failing('reset', 'a', 'b'), { repeatable: false })).toBe('abab')
  })

  test('keeps the clients that hash or sticky send to it', () => {
    const { pool } = setup(['a', 'b'], { policy: 'hash' })
    const client = new TestClaimant('somebody')
    const home = pool.claim(client)
    if (typeof home === 'string') throw new Error('nobody took it')
    pool.release(home, 'reset')
    client.isRepeatable = false
    expect(pool.claim(client)).toBe(home)
  })
})
