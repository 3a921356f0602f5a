import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { FLAG } from '../../src/http2/frame-type.ts'
import { frame, settingsOf } from './frames.ts'
import { SessionUnderTest, type RecordedStream } from './session-under-test.ts'

/** What happens next. */
type Step =
  | { readonly kind: 'request' }
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'send'
      readonly from: 'client' | 'server'
      readonly stream: number
      readonly bytes: number
    }
  | {
      readonly kind: 'end' | 'pause' | 'resume' | 'reset'
      readonly from: 'client' | 'server'
      readonly stream: number
    }
  | { readonly kind: 'carry'; readonly to: 'client' | 'server'; readonly bytes: number }
  | { readonly kind: 'block'; readonly from: 'client' | 'server'; readonly bytes: number }
  | { readonly kind: 'unblock'; readonly from: 'client' | 'server' }

const side = fc.constantFrom('client' as const, 'server' as const)
const stream = fc.nat({ max: 5 })
const bytes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 60_000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('request' as const) }),
  fc.record({ kind: fc.constant('tick' as const) }),
  fc.record({ kind: fc.constant('send' as const), from: side, stream, bytes }),
  fc.record({
    kind: fc.constantFrom('end' as const, 'pause' as const, 'resume' as const),
    from: side,
    stream,
  }),
  fc.record({ kind: fc.constant('reset' as const), from: side, stream }),
  fc.record({ kind: fc.constant('carry' as const), to: side, bytes }),
  fc.record({ kind: fc.constant('block' as const), from: side, bytes }),
  fc.record({ kind: fc.constant('unblock' as const), from: side }),
)

/** A client and a server whose bytes are carried in pieces, with a check of everything that has to hold. */
class Pair {
  readonly client: SessionUnderTest
  readonly server: SessionUnderTest
  private readonly onTheWay = { client: Buffer.alloc(0), server: Buffer.alloc(0) }
  private readonly written = new Map<string, number>()
  private readonly resets = new Set<number>()

  constructor(windowBytes: number) {
    this.client = new SessionUnderTest('client', { streamWindowBytes: windowBytes })
    this.server = new SessionUnderTest('server', { streamWindowBytes: windowBytes, maxStreams: 6 })
    this.settle()
  }

  step(next: Step): void {
    if (next.kind === 'request') return this.request()
    if (next.kind === 'tick') return this.server.session.tick(this.server.turn.clock.nowMs)
    if (next.kind === 'carry') return this.carry(next.to, next.bytes)
    if (next.kind === 'block') return void (this.at(next.from).socket.capacity = next.bytes)
    if (next.kind === 'unblock') return this.unblock(next.from)
    this.ofStream(next)
  }

  /** Everything that is written gets there, and all data is read. */
  settle(): void {
    for (const from of ['client', 'server'] as const) this.unblock(from)
    for (const it of [this.client, this.server])
      for (const each of it.streams.values()) it.turn.run(() => each.stream.resume())
    do {
      this.carry('server', Number.POSITIVE_INFINITY)
      this.carry('client', Number.POSITIVE_INFINITY)
      for (const from of ['client', 'server'] as const) this.unblock(from)
    } while (this.onTheWay.client.length + this.onTheWay.server.length > 0 || this.hasWritten())
  }

  check(): void {
    for (const it of [this.client, this.server]) {
      expect(it.session.isOver).toBe(false)
      expect(it.session.sendWindow.bytes).toBeGreaterThanOrEqual(0)
      for (const each of it.streams.values()) expect(each.stream.waiting).toBeGreaterThanOrEqual(0)
    }
  }

  /** What was written on streams that nobody has reset has arrived. */
  checkArrived(): void {
    for (const [key, bytes] of this.written) {
      const [from, id] = key.split(' ') as ['client' | 'server', string]
      if (this.resets.has(Number(id))) continue
      const other = from === 'client' ? this.server : this.client
      expect(other.streams.get(Number(id))!.received).toHaveLength(bytes)
    }
  }

  private hasWritten(): boolean {
    this.collect()
    return this.onTheWay.client.length + this.onTheWay.server.length > 0
  }

  private at(name: 'client' | 'server'): SessionUnderTest {
    return name === 'client' ? this.client : this.server
  }

  private request(): void {
    if (this.client.session.canOpen) this.client.send(false)
  }

  private ofStream(next: Exclude<Step, { kind: 'request' | 'tick' | 'carry' | 'block' | 'unblock' }>): void {
    const it = this.at(next.from)
    const chosen = [...it.streams.values()][next.stream]
    if (chosen === undefined || chosen.stream.isOver) return
    it.turn.run(() => this.act(next, chosen))
  }

  private act(
    next: { kind: string; from: string; bytes?: number },
    { stream: chosen }: RecordedStream,
  ): void {
    if (next.from === 'server' && chosen.sent === 0 && next.kind !== 'pause' && next.kind !== 'reset')
      chosen.headers(Buffer.from('head'), 0, 4)
    if (next.kind === 'send') this.send(next.from, chosen, next.bytes!)
    else if (next.kind === 'end') chosen.end()
    else if (next.kind === 'pause') chosen.pause()
    else if (next.kind === 'resume') chosen.resume()
    else this.reset(chosen)
  }

  private send(from: string, chosen: RecordedStream['stream'], length: number): void {
    if (chosen.sendEnded) return
    const key = `${from} ${chosen.id}`
    this.written.set(key, (this.written.get(key) ?? 0) + length)
    chosen.data(Buffer.alloc(length), 0, length)
  }

  private reset(chosen: RecordedStream['stream']): void {
    this.resets.add(chosen.id)
    chosen.reset(8)
  }

  private unblock(from: 'client' | 'server'): void {
    const it = this.at(from)
    it.socket.capacity = Number.POSITIVE_INFINITY
    it.turn.run(() => it.session.writable())
  }

  private collect(): void {
    this.onTheWay.server = Buffer.concat([this.onTheWay.server, this.client.socket.read()])
    this.onTheWay.client = Buffer.concat([this.onTheWay.client, this.server.socket.read()])
  }

  private carry(to: 'client' | 'server', length: number): void {
    this.collect()
    const bytes = this.onTheWay[to].subarray(0, length)
    this.onTheWay[to] = this.onTheWay[to].subarray(bytes.length)
    const it = this.at(to)
    it.turn.run(() => it.session.received(Buffer.from(bytes)))
  }
}

test('whatever two sides do, no rule is broken, and what is written arrives', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(1_000, 65_535, 200_000),
      (steps, windowBytes) => {
        const pair = new Pair(windowBytes)
        for (const each of steps) {
          pair.step(each)
          pair.check()
        }
        pair.settle()
        pair.check()
        pair.checkArrived()
      },
    ),
    { numRuns: 500 },
  )
})

test('whatever a client sends, the server throws nothing, and ends with an error or goes on', () => {
  const types = fc.integer({ min: 0, max: 10 })
  const flags = fc.constantFrom(
    0,
    FLAG.endStream,
    FLAG.endHeaders,
    FLAG.endHeaders | FLAG.endStream,
    FLAG.padded,
  )
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 16 }),
    fc.constant(settingsOf([4, 70_000])),
    fc.constant(Buffer.alloc(4)),
  )
  const frames = fc.array(fc.tuple(types, flags, fc.nat({ max: 9 }), payload), { maxLength: 30 })
  fc.assert(
    fc.property(frames, (sent) => {
      const it = new SessionUnderTest('server').shakeHands()
      for (const [type, flag, id, bytes] of sent) it.receive(frame(type, flag, id, bytes))
      const closings = it.heard.filter((each) => /^closed \d+ [A-Z_]+: /.test(each))
      expect(closings).toHaveLength(it.session.isOver ? 1 : 0)
      expect(it.session.openStreams).toBeLessThanOrEqual(3)
    }),
    { numRuns: 2_000 },
  )
})
