import { expect, test } from 'bun:test'
import { AbuseBudget, DEFAULT_ABUSE_LIMITS } from '../../src/http2/abuse-budget.ts'
import { Clock } from '../../src/transport/clock.ts'
import { FLAG, FRAME } from '../../src/http2/frame-type.ts'
import { SETTINGS, frame, numbers, settingsOf } from './frames.ts'
import { SessionUnderTest } from './session-under-test.ts'

const WHOLE = FLAG.endHeaders | FLAG.endStream
const CANCEL = numbers(8)

function server(): SessionUnderTest {
  return new SessionUnderTest('server').stopClock().shakeHands()
}

/** Sends frames by `next` until the connection ends. @returns how many it took, and what the owner heard of it */
function flood(
  it: SessionUnderTest,
  next: (count: number) => readonly Buffer[],
): { count: number; abuse: string } {
  for (let count = 0; count < 20_000; count++) {
    if (it.session.isOver) return { count, abuse: it.heard.find((each) => each.startsWith('abused'))! }
    it.receive(...next(count))
  }
  throw new Error('the connection did not end')
}

function expectCalm(it: SessionUnderTest): void {
  expect(it.written().at(-1)).toEndWith('0000000b')
  expect(it.heard.at(-1)).toStartWith('closed 11 ENHANCE_YOUR_CALM')
}

test('a client that resets its requests at once is not served for long', () => {
  const it = server()
  const { count, abuse } = flood(it, (at) => {
    const id = at * 2 + 1
    it.streams.get(id - 2)?.stream.release()
    return [frame(FRAME.headers, WHOLE, id, 'head'), frame(FRAME.resetStream, 0, id, CANCEL)]
  })
  expect(abuse).toBe('abused resets')
  expect(count).toBe(101)
  expectCalm(it)
})

test('a client that makes the server reset its requests is not served for long either', () => {
  const it = server()
  const { count, abuse } = flood(it, (at) => {
    const id = at * 2 + 1
    it.streams.get(id - 2)?.stream.release()
    return [frame(FRAME.headers, WHOLE, id, 'head'), frame(FRAME.windowUpdate, 0, id, numbers(0))]
  })
  expect(abuse).toBe('abused resets')
  expect(count).toBe(101)
})

test('a client that opens more streams than it may is not refused for long', () => {
  const it = server()
  const { count } = flood(it, (at) => [frame(FRAME.headers, WHOLE, at * 2 + 1, 'head')])
  expect(count).toBe(3 + 101)
})

test('requests that are completed pay for some that are reset', () => {
  const it = server()
  let id = 1
  for (; id < 400; id += 2) it.turn.run(() => it.request(id).stream.headers(Buffer.from('head'), 0, 4, true))
  const { count } = flood(it, (at) => {
    const next = id + at * 2
    it.streams.get(next - 2)?.stream.release()
    return [frame(FRAME.headers, WHOLE, next, 'head'), frame(FRAME.resetStream, 0, next, CANCEL)]
  })
  expect(count).toBe(301)
})

/** Opens streams, and resets each after so many milliseconds, until the connection ends. @returns how many it took */
function leavePages(it: SessionUnderTest, openMs: number, begin: (id: number) => void = () => {}): number {
  let next = 1
  for (; next < 20_000 && !it.session.isOver; next += 2) {
    it.receive(frame(FRAME.headers, WHOLE, next, 'head'))
    begin(next)
    it.turn.clock.nowMs += openMs
    it.receive(frame(FRAME.resetStream, 0, next, CANCEL))
    it.turn.clock.nowMs -= openMs
    it.streams.get(next)?.stream.release()
  }
  return (next - 1) / 2
}

test('a page may cancel ten times as many requests that it has waited for: a map whose user goes on does', () => {
  const it = server()
  expect(leavePages(it, 30)).toBe(1_001)
  expectCalm(it)
})

test('a page may cancel any number of responses that it was reading, such as event streams', () => {
  const it = server()
  leavePages(it, 0, (id) => {
    const { stream } = it.streams.get(id)!
    it.turn.run(() => stream.headers(Buffer.from('head'), 0, 4))
    it.turn.run(() => stream.data(Buffer.from('event'), 0, 5))
  })
  expect(it.session.isOver).toBe(false)
})

test('an interim response is none that a client was reading', () => {
  const it = server()
  const begin = (id: number): void =>
    it.turn.run(() => it.streams.get(id)!.stream.headers(Buffer.from('interim'), 0, 7))
  expect(leavePages(it, 0, begin)).toBe(101)
})

const FLOODS: Readonly<Record<string, Buffer>> = {
  PING: frame(FRAME.ping, 0, 0, numbers(1, 2)),
  'answers to no PING': frame(FRAME.ping, FLAG.ack, 0, numbers(1, 2)),
  SETTINGS: SETTINGS,
  'SETTINGS that change the window': frame(FRAME.settings, 0, 0, settingsOf([4, 1], [4, 65_535])),
  PRIORITY: frame(FRAME.priority, 0, 3, Buffer.from([0, 0, 0, 1, 16])),
  'frames of an unknown type': frame(0x20, 0, 0, 'x'),
  'empty DATA': frame(FRAME.data, 0, 1),
  'DATA of padding only': frame(FRAME.data, FLAG.padded, 1, Buffer.alloc(10, 9)),
  'WINDOW_UPDATE of one byte': frame(FRAME.windowUpdate, 0, 0, numbers(1)),
  'RST_STREAM for a stream that is closed': frame(FRAME.resetStream, 0, 1, CANCEL),
}

for (const [name, bytes] of Object.entries(FLOODS))
  test(`a flood of ${name} ends the connection`, () => {
    const it = server()
    it.request(1, FLAG.endHeaders)
    const { count, abuse } = flood(it, () => [bytes])
    expect(abuse).toBe('abused control-frames')
    expect(count).toBeWithin(900, 1_200)
    expectCalm(it)
  })

test('one who reads a byte at a time pays with the data it gets', () => {
  const it = new SessionUnderTest('server')
    .stopClock()
    .shakeHands(frame(FRAME.settings, 0, 0, settingsOf([4, 0])))
  const { stream } = it.request(1)
  it.turn.run(() => {
    stream.headers(Buffer.from('head'), 0, 4)
    stream.data(Buffer.alloc(60_000), 0, 60_000)
  })
  const { count } = flood(it, () => [frame(FRAME.windowUpdate, 0, 1, numbers(1))])
  expect(count).toBeWithin(1_000, 1_200)
})

test('a client that does not read the answers to its PING gets no more of them', () => {
  const it = server()
  it.request(1, FLAG.endHeaders)
  it.socket.capacity = 0
  const data = frame(FRAME.data, 0, 1, Buffer.alloc(1_024))
  const { count, abuse } = flood(it, () => [data, frame(FRAME.ping, 0, 0, numbers(1, 2))])
  expect(abuse).toBe('abused unread-answers')
  expect(count).toBeWithin(3_800, 4_000)
})

test('whoever only downloads may send as many window updates as it needs', () => {
  const it = server()
  const { stream } = it.request(1)
  it.turn.run(() => stream.headers(Buffer.from('head'), 0, 4))
  for (let count = 0; count < 5_000; count++) {
    it.turn.run(() => stream.data(Buffer.alloc(1_024), 0, 1_024))
    it.receive(
      frame(FRAME.windowUpdate, 0, 0, numbers(1_024)),
      frame(FRAME.windowUpdate, 0, 1, numbers(1_024)),
    )
  }
  expect(it.session.isOver).toBe(false)
})

test('whoever uploads and downloads may send as many window updates as it needs', () => {
  const it = server()
  const { stream } = it.request(1, FLAG.endHeaders)
  const data = frame(FRAME.data, 0, 1, Buffer.alloc(1_024))
  it.turn.run(() => stream.headers(Buffer.from('head'), 0, 4))
  for (let count = 0; count < 5_000; count++) {
    it.receive(
      data,
      frame(FRAME.windowUpdate, 0, 0, numbers(1_024)),
      frame(FRAME.windowUpdate, 0, 1, numbers(1_024)),
    )
    it.turn.run(() => stream.data(Buffer.alloc(1_024), 0, 1_024))
  }
  expect(it.session.isOver).toBe(false)
})

/** What clients and servers of gRPC send to learn how much the connection takes, for each message they read. */
const measuring = (id: number): Buffer[] => [
  frame(FRAME.windowUpdate, 0, id, numbers(5)),
  frame(FRAME.windowUpdate, 0, 0, numbers(5)),
  frame(FRAME.ping, 0, 0, numbers(1, 2)),
]

test('a client may measure the connection at each short response, however many there are', () => {
  const it = server()
  for (let id = 1; id < 10_000; id += 2) {
    it.receive(frame(FRAME.headers, WHOLE, id, 'head'), ...measuring(id))
    expect(it.session.isOver).toBe(false)
    it.turn.run(() => it.streams.get(id)!.stream.headers(Buffer.from('head'), 0, 4, true))
  }
})

test('a client may measure the connection at each short message of a stream, however many there are', () => {
  const it = server()
  const { stream } = it.request(1)
  it.turn.run(() => stream.headers(Buffer.from('head'), 0, 4))
  for (let count = 0; count < 5_000; count++) {
    it.turn.run(() => stream.data(Buffer.alloc(5), 0, 5))
    it.receive(...measuring(1))
  }
  expect(it.session.isOver).toBe(false)
})

test('a backend may measure the connection at each short request, however many there are', () => {
  const it = new SessionUnderTest('client').stopClock().shakeHands()
  for (let count = 0; count < 5_000; count++) {
    const { stream } = it.send(false)
    it.turn.run(() => stream.data(Buffer.alloc(5), 0, 5))
    it.turn.run(() => stream.end())
    it.receive(...measuring(stream.id), frame(FRAME.headers, WHOLE, stream.id, 'head'))
  }
  expect(it.session.isOver).toBe(false)
})

test('a client that resets a stream now and then may do so for ever, and not many at once', () => {
  const clock = new Clock()
  const budget = new AbuseBudget(DEFAULT_ABUSE_LIMITS, clock)
  for (let count = 0; count < 1_000; count++) {
    clock.nowMs += 1_000
    expect(budget.reset()).toBe(true)
  }
  let more = 0
  while (budget.reset()) more++
  expect(more).toBeLessThanOrEqual(2 * DEFAULT_ABUSE_LIMITS.maxResets)
})
