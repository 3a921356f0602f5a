/** HTTP/2 towards clients: what reaches the backend, and what comes back. */
import { describe, expect, test } from 'bun:test'
import { FLAG, FRAME } from '../../../src/http2/frame-type.ts'
import { ERROR } from '../../../src/http2/error-code.ts'
import { frame, numbers, settingsOf } from '../../http2/frames.ts'
import { OK, RawBackend, TestBalancer, answering, eventually } from '../../exchange/data-plane.ts'
import { FrameClient, GET, POST, fieldOf, withField } from './frame-client.ts'

const LISTENER = { listener: { http2: true } }

async function start(script = answering(OK), overrides = {}) {
  const backend = await RawBackend.start(script)
  const balancer = await TestBalancer.start([backend.path], { ...LISTENER, ...overrides })
  return {
    backend,
    balancer,
    connect: (settings?: Buffer) => FrameClient.connect(balancer.port, settings),
    async [Symbol.asyncDispose]() {
      await balancer[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
    },
  }
}

describe('a request', () => {
  test('reaches the backend as HTTP/1.1, and its answer comes back as HTTP/2', async () => {
    await using stand = await start()
    using client = await stand.connect()
    client.request(1, [...GET, ['accept', 'text/plain'], ['cookie', 'a=1'], ['cookie', 'b=2']])
    const response = await client.settled(1)
    expect(fieldOf(response.blocks[0], ':status')).toBe('200')
    expect(fieldOf(response.blocks[0], 'content-length')).toBe('2')
    expect(fieldOf(response.blocks[0], 'date')).toEndWith('GMT')
    expect(response.body).toBe('ok')
    expect(stand.backend.all).toStartWith(
      'GET / HTTP/1.1\r\nhost: h.test\r\naccept: text/plain\r\ncookie: a=1; b=2\r\n',
    )
    expect(stand.backend.all).toContain('X-Forwarded-Proto: http\r\n')
    expect(stand.balancer.ended).toMatchObject([
      { method: 'GET', target: '/', status: 200, cause: 'completed' },
    ])
    expect(stand.balancer.events).toContain('http2')
  })

  test('does not wait for another one on the same connection', async () => {
    await using stand = await start((socket, received) => {
      if (!received.endsWith('\r\n\r\n')) return
      if (received.includes('GET /slow')) setTimeout(() => socket.write(OK.replace('ok', 'sl')), 200)
      else socket.write(OK)
    })
    using client = await stand.connect()
    client.request(1, withField(GET, ':path', '/slow')).request(3, GET)
    await client.settled(3)
    expect(client.response(1).ended).toBe(false)
    expect((await client.settled(1)).body).toBe('sl')
  })

  test('with a body of a known length has that length', async () => {
    await using stand = await start((socket, received) => {
      if (received.endsWith('hello')) socket.write(OK)
    })
    using client = await stand.connect()
    client.request(1, [...POST, ['content-length', '5']], 'hello')
    expect((await client.settled(1)).body).toBe('ok')
    expect(stand.backend.all).toContain('content-length: 5\r\n')
    expect(stand.balancer.ended[0]!.bytesReceived).toBe(5)
  })

  test('without a body says so to a backend that speaks HTTP/1.1, if its method is one for bodies', async () => {
    await using stand = await start()
    using client = await stand.connect()
    const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'OPTIONS']
    for (const [index, method] of methods.entries()) {
      client.request(2 * index + 1, withField(GET, ':method', method))
      await client.settled(2 * index + 1)
    }
    client.request(99, [...POST, ['content-length', '0']])
    await client.settled(99)
    const heads = stand.backend.all.split('\r\n\r\n').slice(0, -1)
    expect(heads.map((head) => [head.split(' ')[0], head.match(/content-length: 0/gi)?.length ?? 0])).toEqual(
      [
        ['POST', 1],
        ['PUT', 1],
        ['PATCH', 1],
        ['DELETE', 0],
        ['GET', 0],
        ['OPTIONS', 0],
        ['POST', 1],
      ],
    )
  })

  test('with a body of an unknown length is sent in chunks', async () => {
    await using stand = await start((socket, received) => {
      if (received.endsWith('\r\n0\r\n\r\n')) socket.write(OK)
    })
    using client = await stand.connect()
    client.write(client.headers(1, POST, false), client.data(1, 'hel', false), client.data(1, 'lo', true))
    expect((await client.settled(1)).body).toBe('ok')
    expect(stand.backend.all).toContain('Transfer-Encoding: chunked\r\n')
    expect(stand.backend.all.replaceAll(/\r\n\d\r\n/g, '')).toContain('hello')
  })

  test('may end with a frame that carries nothing', async () => {
    await using stand = await start((socket, received) => {
      if (received.endsWith('\r\n0\r\n\r\n')) socket.write(OK)
    })
    using client = await stand.connect()
    client.write(client.headers(1, GET, false), client.data(1, '', true))
    expect((await client.settled(1)).body).toBe('ok')
  })

  test('whose body is larger than a window is given room as the backend takes it', async () => {
    const body = 'x'.repeat(400_000)
    await using stand = await start((socket, received) => {
      if (received.length > 400_000 && received.endsWith('x')) socket.write(OK)
    })
    using client = await stand.connect()
    client.write(client.headers(1, [...POST, ['content-length', String(body.length)]], false))
    let room = 65_535
    let seen = 0
    for (let at = 0; at < body.length;) {
      await eventually(() => {
        for (; seen < client.frames.length; seen++) {
          const { type, stream, payload } = client.frames[seen]!
          if (type === FRAME.windowUpdate && stream === 1) room += payload.readUInt32BE(0)
        }
        return room > 0
      })
      const length = Math.min(room, 16_384, body.length - at)
      client.write(client.data(1, body.slice(at, at + length), at + length === body.length))
      at += length
      room -= length
    }
    expect((await client.settled(1)).body).toBe('ok')
    expect(stand.balancer.ended[0]!.bytesReceived).toBe(body.length)
  })

  test('that comes fast may have ever more under way, until that is a megabyte', async () => {
    await using stand = await start(() => {})
    const { buffers } = stand.balancer.plane
    using client = await stand.connect()
    client.write(client.headers(1, POST, false))
    const upload = new Upload(client)
    await upload.until(() => upload.room > 512 * 1024)
    expect(buffers.usedBytes).toBe(960 * 1024)
    client.write(client.data(1, '', true))
    await eventually(() => buffers.usedBytes === 0)
  })

  test('that comes fast has no more under way than half of all buffers have room for', async () => {
    await using stand = await start(() => {}, { limits: { maxBufferedBytes: 400 * 1024 } })
    using client = await stand.connect()
    client.write(client.headers(1, POST, false))
    const upload = new Upload(client)
    await upload.until(() => upload.sent > 700_000)
    expect(stand.balancer.plane.buffers.usedBytes).toBe(192 * 1024)
  })

  test('that is soon complete has no more under way than at first', async () => {
    await using stand = await start(() => {})
    using client = await stand.connect()
    client.write(client.headers(1, [...POST, ['content-length', '90000']], false))
    const upload = new Upload(client, 90_000)
    await upload.until(() => upload.sent === 90_000)
    expect(stand.balancer.plane.buffers.usedBytes).toBe(0)
  })

  test('that expects 100 Continue is asked for its body', async () => {
    await using stand = await start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      if (received.endsWith('hello')) socket.write(OK)
    })
    using client = await stand.connect()
    client.write(client.headers(1, [...POST, ['content-length', '5'], ['expect', '100-continue']], false))
    await eventually(() => client.response(1).blocks.length === 1)
    expect(client.response(1).blocks[0]).toEqual([[':status', '100']])
    client.write(client.data(1, 'hello', true))
    expect((await client.settled(1)).blocks).toHaveLength(2)
  })
})

describe('a response', () => {
  test('to HEAD has no body, and says how long it would be', async () => {
    await using stand = await start(answering('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'))
    using client = await stand.connect()
    client.request(1, withField(GET, ':method', 'HEAD'))
    const response = await client.settled(1)
    expect(fieldOf(response.blocks[0], 'content-length')).toBe('5')
    expect(response.body).toBe('')
  })

  test('loses the fields that concern a connection of HTTP/1.1', async () => {
    await using stand = await start(
      answering(
        'HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nX-End: 2\r\n' +
          'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ),
    )
    using client = await stand.connect()
    client.request(1, GET)
    const response = await client.settled(1)
    expect(response.blocks[0]!.map(([name]) => name)).toEqual([':status', 'x-end', 'date'])
    expect(response.body).toBe('ok')
  })

  test('that ends with its connection ends its stream', async () => {
    await using stand = await start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')
    })
    using client = await stand.connect()
    client.request(1, GET)
    expect(await client.settled(1)).toMatchObject({ body: 'until the end', ended: true, reset: undefined })
  })

  test('that cannot be completed resets its stream, and no other', async () => {
    await using stand = await start((socket, received) => {
      if (received.includes('GET /cut')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf')
      else if (received.endsWith('\r\n\r\n')) socket.write(OK)
    })
    using client = await stand.connect()
    client.request(1, withField(GET, ':path', '/cut'))
    expect(await client.settled(1)).toMatchObject({ ended: false, reset: ERROR.internal })
    client.request(3, GET)
    expect((await client.settled(3)).body).toBe('ok')
  })

  test('has its trailers, for a client that takes them', async () => {
    const script = answering(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 1\r\n\r\n',
    )
    await using stand = await start(script)
    using client = await stand.connect()
    client.request(1, [...GET, ['te', 'trailers']]).request(3, GET)
    expect((await client.settled(1)).blocks.at(-1)).toEqual([['x-sum', '7']])
    const plain = await client.settled(3)
    expect(plain.blocks).toHaveLength(1)
    expect(plain.ended).toBe(true)
  })

  test('may come before the body of its request: the client hears that the rest is not wanted', async () => {
    await using stand = await start(answering('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'))
    using client = await stand.connect()
    client.write(client.headers(1, [...POST, ['content-length', '5']], false))
    const response = await client.settled(1)
    expect(fieldOf(response.blocks[0], ':status')).toBe('413')
    await eventually(() => client.response(1).reset !== undefined)
    expect(response.reset).toBe(ERROR.none)
  })

  test('waits for the window of a client that reads slowly, which no other stream does', async () => {
    const large = 'x'.repeat(300_000)
    await using stand = await start((socket, received) => {
      if (!received.endsWith('\r\n\r\n')) return
      if (received.includes('GET /large'))
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n${large}`)
      else socket.write(OK)
    })
    using client = await stand.connect(frame(FRAME.settings, 0, 0, settingsOf([4, 1000])))
    client.request(1, withField(GET, ':path', '/large'))
    await eventually(() => client.response(1).body.length === 1000)
    client.request(3, GET)
    expect((await client.settled(3)).body).toBe('ok')
    expect(client.response(1).body).toHaveLength(1000)
    client.grow(1e6, 1)
    expect((await client.settled(1)).body).toBe(large)
  })

  test('103 Early Hints comes in front of the final one', async () => {
    await using stand = await start(
      answering(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n${OK}`),
    )
    using client = await stand.connect()
    client.request(1, GET)
    const { blocks } = await client.settled(1)
    expect(blocks[0]).toEqual([
      [':status', '103'],
      ['link', '</a.css>; rel=preload'],
    ])
    expect(blocks).toHaveLength(2)
  })
})

describe('a client', () => {
  test('that resets its stream is gone for the backend', async () => {
    let ended = false
    await using stand = await start((socket) => socket.on('close', () => (ended = true)))
    using client = await stand.connect()
    client.request(1, GET)
    await eventually(() => stand.backend.all.endsWith('\r\n\r\n'))
    client.write(frame(FRAME.resetStream, 0, 1, numbers(ERROR.cancel)))
    await eventually(() => ended)
    expect(stand.balancer.ended).toMatchObject([{ status: 499, cause: 'client-gone' }])
  })

  test('that ends its connection is gone with all its streams', async () => {
    await using stand = await start(() => {})
    using client = await stand.connect()
    client.request(1, GET).request(3, GET)
    await eventually(() => stand.backend.received.length === 2)
    client.socket.end()
    await eventually(() => stand.balancer.ended.length === 2)
    await eventually(() => stand.balancer.listener.status().connections === 0)
  })

  test('may send the preface in pieces, and begin with another protocol', async () => {
    await using stand = await start()
    using client = await FrameClient.open(stand.balancer.port)
    for (const byte of 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') {
      client.write(Buffer.from(byte))
      await new Promise(setImmediate)
    }
    client.write(frame(FRAME.settings, 0, 0)).request(1, GET)
    expect((await client.settled(1)).body).toBe('ok')
    using other = await FrameClient.open(stand.balancer.port)
    other.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nXY\r\n\r\n'))
    await eventually(() => other.ended)
    expect(other.goAway).toBe(ERROR.protocol)
  })

  test('is refused where HTTP/2 is not switched on', async () => {
    await using stand = await start(answering(OK), { listener: { http2: false } })
    using client = await FrameClient.open(stand.balancer.port)
    let said = ''
    client.socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
    client.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))
    await eventually(() => said.startsWith('HTTP/1.1 505'))
  })

  test('that goes away before it is answered gets its answers, and the last of them ends the connection', async () => {
    const answers: (() => void)[] = []
    await using stand = await start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) answers.push(() => void socket.write(OK))
    })
    using client = await stand.connect()
    client.request(1, GET)
    client.request(3, GET)
    client.write(frame(FRAME.goAway, 0, 0, numbers(0, ERROR.none)))
    await eventually(() => answers.length === 2)
    for (const answer of answers) answer()
    for (const stream of [1, 3]) expect((await client.settled(stream)).ended).toBe(true)
    await eventually(() => client.ended)
    expect(stand.balancer.faults).toEqual([])
    expect(stand.balancer.ended.map(({ cause }) => cause)).toEqual(['completed', 'completed'])
  })

  test('that is idle for too long is told so', async () => {
    await using stand = await start(answering(OK), { timeouts: { clientIdleMs: 200 } })
    using client = await stand.connect()
    client.request(1, GET)
    await client.settled(1)
    await eventually(() => client.ended)
    expect(client.goAways).toEqual([{ lastStream: 1, code: ERROR.none }])
    expect(stand.balancer.events).toContain('idle-timeout')
  })
})

describe('a drain', () => {
  test('tells the client twice, answers what it had sent, and ends the connection', async () => {
    let answer: (() => void) | undefined
    await using stand = await start((socket, received) => {
      if (received.endsWith('\r\n\r\n')) answer = () => void socket.write(OK)
    })
    using client = await stand.connect()
    client.request(1, GET)
    await eventually(() => answer !== undefined)
    const drained = stand.balancer.listener.drain()
    await eventually(() => client.goAways.length === 1)
    expect(client.goAways[0]).toEqual({ lastStream: 0x7fffffff, code: ERROR.none })
    // A request that was on its way is taken, until the client has heard.
    const first = answer!
    answer = undefined
    client.request(3, GET)
    await eventually(() => answer !== undefined)
    await eventually(() => client.frames.some(({ type, flags }) => type === FRAME.ping && flags !== FLAG.ack))
    client.write(frame(FRAME.ping, FLAG.ack, 0, Buffer.alloc(8)))
    await eventually(() => client.goAways.length === 2)
    expect(client.goAways[1]).toEqual({ lastStream: 3, code: ERROR.none })
    first()
    answer!()
    expect((await client.settled(1)).body).toBe('ok')
    expect((await client.settled(3)).body).toBe('ok')
    await drained
    await eventually(() => client.ended)
  })
})

/** The body of stream 1, sent as fast as there is room for it. */
class Upload {
  sent = 0
  room = 65_535
  private seen = 0
  private readonly client: FrameClient
  private readonly total: number

  constructor(client: FrameClient, total: number = Number.POSITIVE_INFINITY) {
    this.client = client
    this.total = total
  }

  /** Goes on until that is so right after more room was granted, or all of that was used. */
  until(isDone: () => boolean): Promise<void> {
    return eventually(() => {
      this.readGrants()
      if (isDone()) return true
      this.send()
      return isDone()
    })
  }

  private readGrants(): void {
    const { frames } = this.client
    for (; this.seen < frames.length; this.seen++) {
      const { type, stream, payload } = frames[this.seen]!
      if (type === FRAME.windowUpdate && stream === 1) this.room += payload.readUInt32BE(0)
    }
  }

  private send(): void {
    while (this.room > 0 && this.sent < this.total) {
      const length = Math.min(this.room, 16_384, this.total - this.sent)
      this.client.write(this.client.data(1, 'x'.repeat(length), false))
      this.room -= length
      this.sent += length
    }
  }
}
