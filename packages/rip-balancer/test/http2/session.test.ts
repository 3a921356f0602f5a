import { describe, expect, test } from 'bun:test'
import { ERROR } from '../../src/http2/error-code.ts'
import { FLAG, FRAME, PREFACE } from '../../src/http2/frame-type.ts'
import { SETTINGS, SETTINGS_ACK, frame, numbers, settingsOf } from './frames.ts'
import { SessionUnderTest } from './session-under-test.ts'

const { endHeaders, endStream } = FLAG
const WHOLE = endHeaders | endStream

function server(): SessionUnderTest {
  return new SessionUnderTest('server').shakeHands()
}

function client(settings: Buffer = SETTINGS): SessionUnderTest {
  return new SessionUnderTest('client').shakeHands(settings)
}

function head(id: number, flags: number = endHeaders): Buffer {
  return frame(FRAME.headers, flags, id, 'head')
}

describe('both sides', () => {
  test('begin with their preface and their settings', () => {
    const one = new SessionUnderTest('client')
    const bytes = one.socket.read()
    expect(bytes.subarray(0, PREFACE.length)).toEqual(PREFACE)
    const other = new SessionUnderTest('server')
    other.receive(bytes)
    one.receive(other.socket.read())
    other.receive(one.socket.read())
    expect(one.heard).toEqual(['settings 3'])
    expect(other.heard).toEqual(['settings Infinity'])
    expect(one.session.canOpen).toBe(true)
  })

  test('a server that is spoken to in HTTP/1.1 says GOAWAY', () => {
    const it = new SessionUnderTest('server')
    it.receive(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    expect(it.heard.at(-1)).toStartWith('closed 1 PROTOCOL_ERROR')
    expect(it.written().at(-1)).toBe('goAway 0 0 0000000000000001')
  })

  test('a client opens nothing until it knows the settings of the server', () => {
    expect(new SessionUnderTest('client').session.canOpen).toBe(false)
  })

  test('SETTINGS and PING are answered', () => {
    const it = server()
    it.receive(SETTINGS, frame(FRAME.ping, 0, 0, numbers(1, 2)))
    expect(it.written()).toEqual(['settings 0 1', 'ping 0 1 0000000100000002'])
  })

  test('SETTINGS that are never acknowledged end the connection', () => {
    const it = new SessionUnderTest('server')
    it.receive(PREFACE, SETTINGS)
    it.turn.run(() => it.session.tick(it.turn.clock.nowMs + 9_000))
    expect(it.session.isOver).toBe(false)
    it.turn.run(() => it.session.tick(it.turn.clock.nowMs + 11_000))
    expect(it.heard.at(-1)).toStartWith('closed 4 SETTINGS_TIMEOUT')
  })

  test('a server that says nothing at all loses the connection then', () => {
    const it = new SessionUnderTest('client')
    it.turn.run(() => it.session.tick(it.turn.clock.nowMs + 11_000))
    expect(it.heard).toEqual([expect.stringContaining('closed 4 SETTINGS_TIMEOUT')])
  })

  test('a server that answers without acknowledging them completes what it has, and gets nothing more', () => {
    const it = new SessionUnderTest('client')
    it.receive(SETTINGS)
    const stream = it.send()
    it.heard.length = 0
    it.turn.run(() => it.session.tick(it.turn.clock.nowMs + 11_000))
    expect(it.heard).toEqual(['going away'])
    expect(it.session.canOpen).toBe(false)
    it.receive(head(1), frame(FRAME.data, endStream, 1, 'body'))
    expect(stream.received).toBe('body')
    expect(it.heard.slice(1)).toEqual(['fields 1 head false', 'drained', 'ended 1'])
  })

  test('what is lost is told once to each stream, and to the owner last', () => {
    const it = client()
    it.send()
    it.send()
    it.turn.run(() => it.session.lost('reset'))
    it.turn.run(() => it.session.lost('reset'))
    expect(it.heard).toEqual(['closed 1 0', 'closed 3 0', 'closed 0 reset'])
  })

  test('a block that cannot be decoded ends the connection', () => {
    const it = server()
    it.answerToFields = ERROR.compression
    it.request(1)
    expect(it.heard.at(-1)).toStartWith('closed 9 COMPRESSION_ERROR')
  })
})

describe('a request and its response', () => {
  test('head, body and end are told in this order', () => {
    const it = server()
    it.receive(head(1), frame(FRAME.data, 0, 1, 'one '), frame(FRAME.data, endStream, 1, 'two'))
    expect(it.heard).toEqual(['fields 1 head false', 'ended 1'])
    expect(it.streams.get(1)!.received).toBe('one two')
  })

  test('a head and its end are one frame, and so are the last data and theirs', () => {
    const it = client()
    it.turn.run(() => {
      const { stream } = it.send(false)
      stream.end()
      const other = it.send(false).stream
      other.data(Buffer.from('data'), 0, 4)
      other.end()
    })
    expect(it.written()).toEqual(['headers 1 5 head', 'headers 3 4 head', 'data 3 1 data'])
    expect(it.socket.writes).toBe(3)
  })

  test('an end whose frame has left is an empty frame', () => {
    const it = client()
    const { stream } = it.send(false)
    it.turn.run(() => stream.end())
    expect(it.written()).toEqual(['headers 1 4 head', 'data 1 1'])
  })

  test('trailers end a message, and a second block without an end resets the stream', () => {
    const it = server()
    it.receive(
      head(1),
      frame(FRAME.headers, WHOLE, 1, 'trailers'),
      head(3),
      frame(FRAME.headers, endHeaders, 3, 'more'),
    )
    expect(it.heard).toEqual([
      'fields 1 head false',
      'fields 1 trailers true',
      'ended 1',
      'fields 3 head false',
      'fields undefined more false',
      'reset 3 1',
    ])
    expect(it.written()).toEqual(['resetStream 3 0 00000001'])
  })

  test('trailers wait behind the data before them', () => {
    const it = client(frame(FRAME.settings, 0, 0, settingsOf([4, 3])))
    const { stream } = it.send(false)
    it.turn.run(() => {
      stream.data(Buffer.from('data'), 0, 4)
      stream.end(Buffer.from('trailers'))
    })
    expect(it.written()).toEqual(['headers 1 4 head', 'data 1 0 dat'])
    it.receive(frame(FRAME.windowUpdate, 0, 1, numbers(10)))
    expect(it.written()).toEqual(['data 1 0 a', 'headers 1 5 trailers'])
  })

  test('a block longer than a frame is continued', () => {
    const it = client()
    const block = Buffer.alloc(40_000, 'x')
    it.turn.run(() =>
      it.session
        .open({ dataReceived() {}, moreWindow: () => 0, ended() {}, writable() {}, lost() {} })
        .headers(block, 0, block.length, true),
    )
    const frames = it.written().map((each) => each.replace(/\S+$/, (payload) => String(payload.length)))
    expect(frames).toEqual(['headers 1 1 16384', 'continuation 1 0 32768', 'continuation 1 4 14464'])
  })

  test('interim responses precede the head', () => {
    const it = client()
    it.send()
    it.receive(frame(FRAME.headers, endHeaders, 1, '100'), head(1), frame(FRAME.data, endStream, 1, 'x'))
    expect(it.heard).toEqual(['fields 1 100 false', 'fields 1 head false', 'ended 1'])
  })

  test('requests of one turn leave with one write', () => {
    const it = client()
    const before = it.socket.writes
    it.turn.run(() => {
      it.send()
      it.send()
    })
    expect(it.socket.writes - before).toBe(1)
  })

  test('a response that comes before the request is complete ends one side only', () => {
    const it = client()
    const { stream } = it.send(false)
    it.receive(head(1, WHOLE))
    expect(stream.isOver).toBe(false)
    it.turn.run(() => stream.reset(ERROR.none))
    expect(it.written()).toEqual(['headers 1 4 head', 'resetStream 1 0 00000000'])
    expect(it.session.openStreams).toBe(0)
  })
})

type Violation = readonly [sentence: string, frames: readonly Buffer[], code: number]

const OF_CONNECTION: readonly Violation[] = [
  ['DATA on a stream nobody opened', [frame(FRAME.data, 0, 1, 'x')], 1],
  ['RST_STREAM on a stream nobody opened', [frame(FRAME.resetStream, 0, 1, numbers(8))], 1],
  ['WINDOW_UPDATE on a stream nobody opened', [frame(FRAME.windowUpdate, 0, 1, numbers(1))], 1],
  ['a request on an even stream', [head(2)], 1],
  ['a request on a stream below the last one', [head(5, WHOLE), head(3, WHOLE)], 1],
  ['a request below the first one', [head(3, WHOLE), head(1, WHOLE)], 1],
  [
    'a second request on a stream that is closed',
    [head(1, WHOLE), frame(FRAME.resetStream, 0, 1, numbers(8)), head(1, WHOLE)],
    5,
  ],
  [
    'DATA on a stream that is closed',
    [head(1, WHOLE), frame(FRAME.resetStream, 0, 1, numbers(8)), frame(FRAME.data, 0, 1, 'x')],
    5,
  ],
  ['a window of the connection that grows by nothing', [frame(FRAME.windowUpdate, 0, 0, numbers(0))], 1],
  [
    'a window of the connection that becomes too large',
    [frame(FRAME.windowUpdate, 0, 0, numbers(0x7fffffff))],
    3,
  ],
  ['an initial window that is too large', [frame(FRAME.settings, 0, 0, settingsOf([4, 0x80000000]))], 3],
  [
    'an initial window that makes one too large',
    [
      head(1),
      frame(FRAME.windowUpdate, 0, 1, numbers(1)),
      frame(FRAME.settings, 0, 0, settingsOf([4, 0x7fffffff])),
    ],
    3,
  ],
  ['a frame size that is too small', [frame(FRAME.settings, 0, 0, settingsOf([5, 16_383]))], 1],
  ['a frame size that is too large', [frame(FRAME.settings, 0, 0, settingsOf([5, 16_777_216]))], 1],
  ['a push setting that is neither 0 nor 1', [frame(FRAME.settings, 0, 0, settingsOf([2, 2]))], 1],
  ['an extended CONNECT that is neither 0 nor 1', [frame(FRAME.settings, 0, 0, settingsOf([8, 2]))], 1],
  ['an extended CONNECT that is taken back', [frame(FRAME.settings, 0, 0, settingsOf([8, 1], [8, 0]))], 1],
]

const OF_STREAM: readonly Violation[] = [
  ['DATA behind its end', [head(1, WHOLE), frame(FRAME.data, 0, 1, 'x')], 5],
  ['a block behind its end', [head(1, WHOLE), head(1, WHOLE)], 5],
  ['a window that grows by nothing', [head(1), frame(FRAME.windowUpdate, 0, 1, numbers(0))], 1],
  ['a window that becomes too large', [head(1), frame(FRAME.windowUpdate, 0, 1, numbers(0x7fffffff))], 3],
  [
    'a block that depends on itself',
    [frame(FRAME.headers, FLAG.priority | endHeaders, 1, '\0\0\0\x01\x10head')],
    1,
  ],
  ['PRIORITY of another length', [head(1), frame(FRAME.priority, 0, 1, 'abc')], 6],
]

describe('a response that is complete before its request is', () => {
  function answerEarly(it: SessionUnderTest): void {
    it.turn.run(() => {
      const { stream } = it.request(1, endHeaders)
      stream.headers(Buffer.from('head'), 0, 4)
      stream.data(Buffer.from('body'), 0, 4)
      stream.end()
      stream.endEarly()
    })
  }

  test('leaves with a write of its own, and the reset with the next', () => {
    const it = server()
    const { writes } = it.socket
    answerEarly(it)
    expect(it.socket.writes - writes).toBe(2)
    expect(it.written()).toEqual(['headers 1 4 head', 'data 1 1 body', 'resetStream 1 0 00000000'])
  })

  test('is taken by the kernel before the reset follows', () => {
    const it = server()
    it.socket.capacity = 20
    answerEarly(it)
    it.receive(frame(FRAME.data, 0, 1, 'more'))
    it.socket.capacity = Number.POSITIVE_INFINITY
    const { writes } = it.socket
    it.turn.run(() => it.session.writable())
    expect(it.socket.writes - writes).toBe(2)
    expect(it.written()).toEqual(['headers 1 4 head', 'data 1 1 body', 'resetStream 1 0 00000000'])
    expect(it.session.openStreams).toBe(0)
  })
})

describe('a violation', () => {
  for (const [sentence, frames, code] of OF_CONNECTION)
    test(`ends the connection: ${sentence}`, () => {
      const it = server()
      it.receive(...frames)
      expect(it.heard.at(-1)).toStartWith(`closed ${code} `)
      expect(it.written().at(-1)).toEndWith(code.toString(16).padStart(8, '0'))
    })

  for (const [sentence, frames, code] of OF_STREAM)
    test(`ends its stream only: ${sentence}`, () => {
      const it = server()
      it.receive(...frames)
      expect(it.heard.at(-1)).toBe(`reset 1 ${code}`)
      expect(it.written()).toEqual([`resetStream 1 0 ${code.toString(16).padStart(8, '0')}`])
      expect(it.session.isOver).toBe(false)
    })

  test('of a server ends the connection as well: a stream of its own, or one nobody opened', () => {
    const even = client()
    even.receive(head(2))
    expect(even.heard.at(-1)).toStartWith('closed 1 ')
    const idle = client()
    idle.receive(head(1))
    expect(idle.heard.at(-1)).toStartWith('closed 1 ')
    const push = client()
    push.receive(frame(FRAME.settings, 0, 0, settingsOf([2, 1])))
    expect(push.heard.at(-1)).toStartWith('closed 1 ')
  })

  test('of a server that sends DATA before a head resets the stream', () => {
    const it = client()
    it.send()
    it.receive(frame(FRAME.data, 0, 1, 'x'))
    expect(it.heard).toEqual(['reset 1 1'])
  })

  test('is not what was under way when this side reset the stream', () => {
    const it = client()
    const { stream } = it.send()
    it.turn.run(() => stream.reset(ERROR.cancel))
    it.receive(
      head(1),
      frame(FRAME.data, 0, 1, 'x'),
      frame(FRAME.windowUpdate, 0, 1, numbers(1)),
      frame(FRAME.resetStream, 0, 1, numbers(8)),
    )
    expect(it.heard).toEqual(['fields undefined head true'])
    expect(it.session.isOver).toBe(false)
  })
})

describe('flow control', () => {
  test('data waits for the window of its stream, and for that of the connection', () => {
    const it = client(frame(FRAME.settings, 0, 0, settingsOf([4, 10])))
    const { stream } = it.send(false)
    it.turn.run(() => stream.data(Buffer.from('0123456789abcdef'), 0, 16))
    expect(it.written()).toEqual(['headers 1 4 head', 'data 1 0 0123456789'])
    expect(stream.waiting).toBe(6)
    it.receive(frame(FRAME.windowUpdate, 0, 1, numbers(4)))
    expect(it.written()).toEqual(['data 1 0 abcd'])
    it.receive(frame(FRAME.settings, 0, 0, settingsOf([4, 12])))
    expect(it.written()).toEqual(['settings 0 1', 'data 1 0 ef'])
    expect(it.streams.get(1)!.writables).toBe(1)
  })

  test('a window can become negative', () => {
    const it = client()
    const { stream } = it.send(false)
    it.turn.run(() => stream.data(Buffer.alloc(100), 0, 100))
    it.receive(frame(FRAME.settings, 0, 0, settingsOf([4, 50])))
    expect(stream.sendBytes).toBe(-50)
    it.turn.run(() => stream.data(Buffer.alloc(10), 0, 10))
    it.receive(frame(FRAME.windowUpdate, 0, 1, numbers(50)))
    expect(stream.waiting).toBe(10)
    it.receive(frame(FRAME.windowUpdate, 0, 1, numbers(1)))
    expect(stream.waiting).toBe(9)
  })

  test('streams that wait send by turns, and one with a closed window holds up none', () => {
    const it = client(frame(FRAME.settings, 0, 0, settingsOf([4, 200_000])))
    const streams = [it.send(false).stream, it.send(false).stream, it.send(false).stream]
    it.turn.run(() => {
      streams[0]!.data(Buffer.alloc(65_535), 0, 65_535)
      for (const each of streams) each.data(Buffer.alloc(40_000), 0, 40_000)
    })
    it.socket.read()
    streams[1]!.sendBytes = 0
    it.receive(frame(FRAME.windowUpdate, 0, 0, numbers(60_000)))
    const order = it.written().map((each) => each.split(' ', 2).join(' '))
    expect(order).toEqual(['data 1', 'data 5', 'data 1', 'data 5'])
  })

  test('what was read is given back when it is half of the window, unless the stream is paused', () => {
    const it = server()
    const { stream } = it.request(1, endHeaders)
    const half = frame(FRAME.data, 0, 1, Buffer.alloc(16_384))
    it.receive(half)
    expect(it.written()).toEqual([])
    it.receive(half)
    expect(it.written()).toEqual(['windowUpdate 1 0 00008000'])
    stream.pause()
    it.receive(half, half)
    expect(it.written()).toEqual([])
    it.turn.run(() => stream.resume())
    expect(it.written()).toEqual(['windowUpdate 1 0 00008000'])
  })

  test('a window grows with what is given back if its owner wants that, also before SETTINGS are acknowledged', () => {
    const it = new SessionUnderTest('client', { streamWindowBytes: 65_536 })
    it.receive(SETTINGS)
    const stream = it.send()
    stream.growth = 100_000
    it.socket.read()
    const half = 'x'.repeat(16_384)
    it.receive(head(1), frame(FRAME.data, 0, 1, half), frame(FRAME.data, 0, 1, half))
    expect(it.written()).toEqual([`windowUpdate 1 0 ${numbers(132_768).toString('hex')}`])
    stream.growth = 0
    it.receive(SETTINGS_ACK)
    // 65,536 and 100,000: what was sent is given back.
    for (let sent = 0; sent < 163_840; sent += 16_384) it.receive(frame(FRAME.data, 0, 1, half))
    expect(it.written()).toEqual([`windowUpdate 1 0 ${numbers(98_304).toString('hex')}`])
    expect(it.heard.at(-1)).toBe('fields 1 head false')
  })

  test('a stream that gets more than its window is reset, and the others go on', () => {
    const it = server()
    it.request(1, endHeaders).stream.pause()
    const quarter = frame(FRAME.data, 0, 1, Buffer.alloc(16_384))
    it.receive(quarter, quarter, quarter, quarter)
    expect(it.heard.at(-1)).toBe('reset 1 3')
    it.request(3)
    expect(it.heard.at(-1)).toBe('ended 3')
  })

  test('padding counts, and is given back', () => {
    const it = server()
    it.request(1, endHeaders)
    const half = frame(FRAME.data, FLAG.padded, 1, Buffer.concat([Buffer.from([255]), Buffer.alloc(16_383)]))
    it.receive(half, half)
    expect(it.streams.get(1)!.received).toHaveLength(2 * (16_383 - 255))
    expect(it.written()).toEqual(['windowUpdate 1 0 00008000'])
  })

  test('data of a stream that was reset is given back to the connection', () => {
    const it = server()
    const { stream } = it.request(1, endHeaders)
    it.turn.run(() => stream.reset(ERROR.cancel))
    it.socket.read()
    const data = frame(FRAME.data, 0, 1, Buffer.alloc(16_384))
    for (let count = 0; count < 512; count++) it.receive(data)
    expect(it.written()).toEqual(['windowUpdate 0 0 00800000'])
  })

  test('a smaller window holds once the peer has acknowledged it', () => {
    const it = new SessionUnderTest('server', { streamWindowBytes: 100 })
    it.receive(PREFACE, SETTINGS, head(1), frame(FRAME.data, 0, 1, Buffer.alloc(101)))
    expect(it.session.isOver).toBe(false)
    it.receive(SETTINGS_ACK, head(3), frame(FRAME.data, 0, 3, Buffer.alloc(101)))
    expect(it.heard.at(-1)).toBe('reset 3 3')
  })

  test('what the kernel does not take waits in its stream', () => {
    const it = client(frame(FRAME.settings, 0, 0, settingsOf([4, 1_000_000])))
    it.receive(frame(FRAME.windowUpdate, 0, 0, numbers(1_000_000)))
    const recorded = it.send(false)
    it.socket.read()
    it.socket.capacity = 1_000
    it.turn.run(() => recorded.stream.data(Buffer.alloc(10_000), 0, 10_000))
    expect(recorded.stream.waiting).toBe(0)
    it.turn.run(() => recorded.stream.data(Buffer.alloc(10_000), 0, 10_000))
    expect(recorded.stream.waiting).toBe(10_000)
    it.socket.capacity = Number.POSITIVE_INFINITY
    it.turn.run(() => it.session.writable())
    expect(recorded.stream.waiting).toBe(0)
    expect(recorded.writables).toBe(1)
    expect(it.socket.read().length).toBe(20_000 + 2 * 9)
  })
})

describe('places for streams', () => {
  test('a request beyond them is refused, and its fields are decoded', () => {
    const it = server()
    for (const id of [1, 3, 5, 7]) it.request(id)
    expect(it.heard.slice(-1)).toEqual(['fields undefined head true'])
    expect(it.written()).toEqual(['resetStream 7 0 00000007'])
    expect(it.session.openStreams).toBe(3)
  })

  test('a stream that its client reset keeps its place until the owner is done', () => {
    const it = server()
    const { stream } = it.request(1)
    it.receive(frame(FRAME.resetStream, 0, 1, numbers(8)))
    expect(it.heard.at(-1)).toBe('reset 1 8')
    expect(it.session.openStreams).toBe(1)
    stream.release()
    stream.release()
    expect(it.session.openStreams).toBe(0)
  })

  test('a client opens as many streams as the server takes', () => {
    const it = client(frame(FRAME.settings, 0, 0, settingsOf([3, 2])))
    it.send()
    it.send()
    expect(it.session.canOpen).toBe(false)
    it.receive(head(1, WHOLE))
    expect(it.session.canOpen).toBe(true)
  })

  test('a refused stream was not executed', () => {
    const it = client()
    it.send()
    it.receive(frame(FRAME.resetStream, 0, 1, numbers(ERROR.refusedStream)))
    expect(it.heard).toEqual(['refused 1 7'])
  })
})

describe('going away', () => {
  test('a server says so twice, and takes what was under way', () => {
    const it = server()
    it.request(1)
    it.turn.run(() => it.session.goAway())
    expect(it.written()).toEqual(['goAway 0 0 7fffffff00000000', 'ping 0 0 0000000000000000'])
    it.request(3)
    it.receive(frame(FRAME.ping, FLAG.ack, 0, numbers(0, 0)))
    expect(it.written()).toEqual(['goAway 0 0 0000000300000000'])
    it.request(5)
    expect(it.heard.slice(-2)).toEqual(['ended 3', 'fields undefined head true'])
    expect(it.written()).toEqual([])
    it.turn.run(() => {
      for (const id of [1, 3]) it.streams.get(id)!.stream.headers(Buffer.from('head'), 0, 4, true)
    })
    expect(it.heard.at(-1)).toBe('drained')
  })

  test('a server says it for the second time after a second, too', () => {
    const it = server()
    it.turn.run(() => it.session.goAway())
    it.socket.read()
    it.turn.run(() => it.session.tick(it.turn.clock.nowMs + 1_001))
    expect(it.written()).toEqual(['goAway 0 0 0000000000000000'])
    expect(it.heard).toEqual(['drained'])
  })

  test('a client hears which of its streams were not begun; the others go on', () => {
    const it = client()
    it.send()
    it.send()
    it.receive(frame(FRAME.goAway, 0, 0, numbers(1, 0)))
    expect(it.heard).toEqual(['left-out 3 0', 'going away'])
    expect(it.session.canOpen).toBe(false)
    it.receive(head(1, WHOLE))
    expect(it.heard.slice(-2)).toEqual(['drained', 'ended 1'])
  })

  test('the connection ends without an error when it is told to', () => {
    const it = server()
    it.turn.run(() => it.session.fail(ERROR.none, 'done'))
    expect(it.written()).toEqual(['goAway 0 0 0000000000000000'])
    expect(it.heard).toEqual(['closed 0 done'])
  })
})
