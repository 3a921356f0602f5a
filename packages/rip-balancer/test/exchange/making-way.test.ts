import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Balancer, balance } from '../../src/index.ts'
import { SlowClients, type SlowClient } from '../../src/exchange/slow-clients.ts'
import type { Claims } from '../../src/pool/claim.ts'
import { RawBackend, RawClient, eventually } from './data-plane.ts'
import { InProcess, timelessSettings } from './in-process.ts'

// A backend hands out hundreds of megabytes here.
setDefaultTimeout(20_000)

const unused = (): never => {
  throw new Error('slow clients only look at the pool')
}

/** A pool of ten slots with so many requests waiting; each client that is aborted makes room for one of them. */
class Crowd {
  readonly left: string[] = []
  readonly claims: Claims & { queued: number }
  private readonly slow: SlowClients

  constructor(queued: number, capacity = 10) {
    this.claims = {
      queued,
      capacity,
      isPressed: true,
      waitsForBackends: false,
      claim: unused,
      withdraw: unused,
      release: unused,
      hasRoom: unused,
      hold: unused,
      letGo: unused,
      mayRetry: unused,
      hasOther: unused,
    }
    this.slow = new SlowClients(this.claims)
  }

  /** Adds a client named after its lag: the larger, the slower. */
  add(lagMs: number, clientAddress = `address of ${lagMs}`): { keepsBackend: boolean; lagMs: number } {
    const { left, claims } = this
    const client: SlowClient & { keepsBackend: boolean; lagMs: number } = {
      clientAddress,
      keepsBackend: true,
      lagMs,
      giveWay() {
        client.keepsBackend = false
        claims.queued--
        left.push(`${lagMs}`)
      },
    }
    this.slow.watch(client)
    return client
  }

  makeWay(): string[] {
    this.slow.makeWay()
    return this.left
  }
}

describe('while requests wait, slow clients', () => {
  test('may keep half of the slots, and of the others the slowest are aborted first', () => {
    const crowd = new Crowd(100)
    for (const lagMs of [300, 800, 400, 700, 500, 600, 900]) crowd.add(lagMs)
    expect(crowd.makeWay()).toEqual(['900', '800'])
  })

  test('are not aborted before they are behind by 150 ms', () => {
    const crowd = new Crowd(100)
    for (const lagMs of [90, 100, 110, 120, 130, 149, 150]) crowd.add(lagMs)
    expect(crowd.makeWay()).toEqual(['150'])
  })

  test('stay when they keep the expected pace', () => {
    const crowd = new Crowd(100)
    for (let n = 0; n < 10; n++) crowd.add(-n)
    crowd.add(5_000)
    expect(crowd.makeWay()).toEqual([])
  })

  test('are not aborted in larger number than requests wait', () => {
    const crowd = new Crowd(2)
    for (let n = 0; n < 10; n++) crowd.add(300 + n)
    expect(crowd.makeWay()).toEqual(['309', '308'])
    expect(crowd.makeWay()).toEqual(['309', '308'])
  })

  test('of the address that has most of them are aborted first', () => {
    const crowd = new Crowd(100, 4)
    crowd.add(2_000, 'alone')
    for (let n = 0; n < 3; n++) crowd.add(300 + n, 'crowd')
    expect(crowd.makeWay()).toEqual(['302', '301'])
  })

  test('are no longer looked at once their backends do not wait', () => {
    const crowd = new Crowd(100, 2)
    const [first, second] = [crowd.add(400), crowd.add(300)]
    first.keepsBackend = false
    expect(crowd.makeWay()).toEqual([])
    first.keepsBackend = true
    second.lagMs = 500
    expect(crowd.makeWay()).toEqual([])
  })

  test('keep one slot at least', () => {
    const crowd = new Crowd(100, 1)
    crowd.add(2_900)
    expect(crowd.makeWay()).toEqual([])
  })
})

test('while no request waits, slow clients may keep all backends', () => {
  const crowd = new Crowd(0)
  for (let n = 0; n < 10; n++) crowd.add(9_000)
  expect(crowd.makeWay()).toEqual([])
})

const LARGE_BYTES = 10_000_000
const HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`
const LARGE = Buffer.from(HEAD + 'x'.repeat(LARGE_BYTES))
const SMALL = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** Answers `/large` with ten megabytes, and every other complete request with two bytes. */
const startBackend = (): Promise<RawBackend> =>
  RawBackend.start((socket, received) => {
    const last = received.slice(received.lastIndexOf('HTTP/1.1'))
    if (!last.includes('\r\n\r\n') || last.includes('Content-Length: 1000000')) return
    socket.write(received.includes('GET /large') ? LARGE : SMALL)
  })

const PLACES = 6

function startBalancer(backend: RawBackend): Promise<Balancer> {
  return balance({ listen: '127.0.0.1:0', to: `unix:${backend.path}`, maxInFlight: PLACES })
}

const portOf = (balancer: Balancer): number => Number(new URL(balancer.url).port)

/** Asks for ten megabytes and reads none of it. */
async function stall(balancer: Balancer): Promise<RawClient> {
  const client = await RawClient.connect(portOf(balancer))
  client.socket.pause()
  return client.send('GET /large HTTP/1.1\r\nHost: h\r\n\r\n')
}

/** Announces a megabyte, sends more than the balancer buffers, then stops. */
async function stallUpload(balancer: Balancer): Promise<RawClient> {
  const client = await RawClient.connect(portOf(balancer))
  return client.send(
    `POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`,
  )
}

/** @returns how long the answer took */
async function ask(balancer: Balancer): Promise<number> {
  const since = performance.now()
  const response = await fetch(`${balancer.url}/small`)
  expect(await response.text()).toBe('ok')
  return performance.now() - since
}

describe('when every slot is taken by', () => {
  const ATTACKS = { 'readers that stall': stall, 'uploads that stall': stallUpload }
  for (const [name, attack] of Object.entries(ATTACKS))
    test.concurrent(`${name}, others are served before the minimum rate aborts these`, async () => {
      await using backend = await startBackend()
      await using balancer = await startBalancer(backend)
      using slow = new DisposableStack()
      for (let n = 0; n < PLACES; n++) slow.use(await attack(balancer))
      await eventually(() => balancer.pool.inFlight === PLACES)
      // The minimum rate alone would abort one after five to ten seconds; on a busy machine it may take longer.
      expect(await ask(balancer)).toBeLessThan(5_000)
      // For each waiting request one client is aborted, until half of the slots are left to slow clients.
      await Promise.all(Array.from({ length: PLACES * 2 }, () => ask(balancer)))
      expect(balancer.pool.inFlight).toBeGreaterThanOrEqual(PLACES / 2)
    })
})

describe('a reader of fifty kilobytes a second', () => {
  /**
   * Simulates a whole download with its own clock: the kernel buffers two megabytes, asks for more when a third of that
   * is free, and reports reads in steps of 128 KiB, as on a loopback interface.
   */
  function readToTheEnd(queued: number, stalled: readonly SlowClient[] = []): InProcess {
    const { timeouts, limits, ...settings } = timelessSettings()
    const exchange = new InProcess(
      { ...settings, timeouts, limits: { ...limits, minResponseBytesPerSecond: 512 } },
      queued,
    )
    for (const client of stalled) exchange.plane.slowClients.watch(client)
    const kernelBytes = 2_000_000
    exchange.client.roomBytes = kernelBytes
    exchange.send(Buffer.from('GET /large HTTP/1.1\r\nHost: h\r\n\r\n'))
    let answered = 0
    const begun = exchange.nowMs
    for (let tick = 1; tick <= 2_050 && exchange.client.state === 'open'; tick++) {
      while (answered < LARGE.length && exchange.upstreams[0]?.isPaused === false) {
        exchange.answer(Buffer.from(LARGE.subarray(answered, answered + 65_536)))
        answered += 65_536
      }
      const readBytes = Math.min(exchange.client.writtenBytes, tick * 5_000)
      const acknowledgedBytes = Math.floor(readBytes / 131_072) * 131_072
      exchange.tick(begun + tick * 100, acknowledgedBytes)
      const freeBytes = kernelBytes - (exchange.client.writtenBytes - acknowledgedBytes)
      if (freeBytes >= kernelBytes / 3) exchange.clientMakesRoom(freeBytes - exchange.client.roomBytes)
    }
    return exchange
  }

  for (const queued of [0, 100])
    test(`gets ten megabytes to the last byte while ${queued} requests wait`, () => {
      const exchange = readToTheEnd(queued)
      expect(exchange.client.state).toBe('open')
      expect(exchange.client.writtenBytes).toBeGreaterThan(LARGE_BYTES)
    })

  test('gets them while stalled clients, which come and go, are aborted', () => {
    let left = 0
    let looks = 0
    // In the first seconds they are behind a reader that has not shown its speed yet; later ones are only just too
    // slow.
    const stalled = Array.from({ length: 9 }, () => ({
      clientAddress: '127.0.0.1',
      keepsBackend: true,
      get lagMs() {
        return looks++ < 5_000 ? 9_000 : 160
      },
      giveWay: () => void left++,
    }))
    const exchange = readToTheEnd(100, stalled)
    expect(exchange.client.state).toBe('open')
    expect(exchange.client.writtenBytes).toBeGreaterThan(LARGE_BYTES)
    expect(left).toBeGreaterThan(1_000)
  })
})
