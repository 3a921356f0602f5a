import { describe, expect, test } from 'bun:test'
import { Outbox } from '../../src/transport/outbox.ts'
import { Turn, type Receiver } from '../../src/transport/turn.ts'

/** An event loop whose turns end on command. */
class EventLoop {
  private calls: (() => void)[] = []

  readonly whenSocketsAreRead = (call: () => void): void => {
    this.calls.push(call)
  }

  endOfTurn(): void {
    for (const call of this.calls.splice(0)) call()
  }
}

class Collector implements Receiver {
  readonly log: string[]
  private readonly name: string
  private readonly onReceived: (text: string) => void

  constructor(name: string, log: string[], onReceived: (text: string) => void = () => undefined) {
    this.name = name
    this.log = log
    this.onReceived = onReceived
  }

  received(chunk: Buffer): void {
    this.log.push(`${this.name}:${chunk.toString()}`)
    this.onReceived(chunk.toString())
  }

  consumed(): void {}

  failed(error: unknown): void {
    this.log.push(`${this.name} failed: ${String(error)}`)
  }
}

function busyTurn(loop: EventLoop): Turn {
  const turn = new Turn(loop.whenSocketsAreRead)
  const nobody = new Collector('', [])
  // The turn in which the 64th event comes is counted.
  for (let event = 0; event < 80; event++) turn.received(nobody, Buffer.from('x'))
  loop.endOfTurn()
  return turn
}

describe('a turn', () => {
  test('handles a single event at once', () => {
    const loop = new EventLoop()
    const turn = new Turn(loop.whenSocketsAreRead)
    const log: string[] = []
    const one = new Collector('one', log)
    for (let count = 1; count <= 200; count++) {
      turn.received(one, Buffer.from(String(count)))
      expect(log).toHaveLength(count)
      loop.endOfTurn()
    }
  })

  test('collects the events of a turn while there are several, in their order, and sends afterwards', () => {
    const loop = new EventLoop()
    const turn = busyTurn(loop)
    const log: string[] = []
    const outboxes = ['a', 'b'].map(
      (name) =>
        new Outbox(
          {
            write: (_bytes, _from, length) => (log.push(`${name} sends ${length}`), length),
            shutdown() {},
            end() {},
            terminate() {},
            pause() {},
            resume() {},
          },
          turn.output,
        ),
    )
    const [a, b] = outboxes.map(
      (outbox, at) => new Collector('ab'[at]!, log, (text) => outbox.appendText(text)),
    )
    turn.received(a!, Buffer.from('1'))
    turn.received(b!, Buffer.from('22'))
    turn.received(a!, Buffer.from('333'))
    expect(log).toEqual([])
    loop.endOfTurn()
    // Data that an outbox gathered before is sent when it gathers again.
    expect(log).toEqual(['a:1', 'b:22', 'a:333', 'a sends 1', 'b sends 2', 'a sends 3'])
  })

  test('goes back to handling events at once when turns are small', () => {
    const loop = new EventLoop()
    const turn = busyTurn(loop)
    const log: string[] = []
    const one = new Collector('one', log)
    turn.received(one, Buffer.from('held'))
    loop.endOfTurn()
    turn.received(one, Buffer.from('at once'))
    expect(log).toEqual(['one:held', 'one:at once'])
  })

  test('handles collected events first, and collects few', () => {
    const loop = new EventLoop()
    const turn = busyTurn(loop)
    const log: string[] = []
    const one = new Collector('one', log)
    turn.received(one, Buffer.from('first'))
    turn.run(() => {})
    expect(log).toEqual(['one:first'])
    turn.received(one, Buffer.alloc(100_000))
    expect(log).toHaveLength(2)
    loop.endOfTurn()
    expect(log).toHaveLength(2)
  })

  test('continues with the others when one throws', () => {
    const loop = new EventLoop()
    const turn = busyTurn(loop)
    const log: string[] = []
    const bad = new Collector('bad', log, () => {
      throw new Error('a mistake')
    })
    const good = new Collector('good', log)
    turn.received(bad, Buffer.from('1'))
    turn.received(good, Buffer.from('2'))
    loop.endOfTurn()
    turn.received(bad, Buffer.from('3'))
    turn.run(() => {})
    expect(log).toEqual([
      'bad:1',
      'bad failed: Error: a mistake',
      'good:2',
      'bad:3',
      'bad failed: Error: a mistake',
    ])
  })

  test('handles events that occur within it at once, and the rest afterwards', () => {
    const loop = new EventLoop()
    const turn = busyTurn(loop)
    const log: string[] = []
    const closing = new Collector('closing', log, () => turn.run(() => {}))
    turn.received(closing, Buffer.from('1'))
    turn.received(new Collector('next', log), Buffer.from('2'))
    loop.endOfTurn()
    expect(log).toEqual(['closing:1', 'next:2'])
  })

  test('reads the clock once for each event', async () => {
    const turn = new Turn()
    const seen: number[] = []
    turn.run(() => {
      seen.push(turn.clock.nowMs)
      Bun.sleepSync(2)
      turn.run(() => seen.push(turn.clock.nowMs))
    })
    turn.run(() => seen.push(turn.clock.nowMs))
    expect(seen[1]).toBe(seen[0]!)
    expect(seen[2]! - seen[0]!).toBeGreaterThanOrEqual(2)
  })

  test('tells the time at which its event began, and outside of it that of the system', () => {
    const turn = new Turn(new EventLoop().whenSocketsAreRead)
    turn.run(() => {
      const begun = turn.clock.nowMs
      while (performance.now() === begun);
      expect(turn.nowMs()).toBe(begun)
    })
    const before = performance.now()
    expect(turn.nowMs()).toBeWithin(before, performance.now() + 1)
    expect(turn.nowMs()).toBeGreaterThan(turn.clock.nowMs)
  })

  test('ends also when its handler throws: written data is sent, and the next turn begins', () => {
    const turn = new Turn()
    const sent: string[] = []
    const socket = {
      write: (bytes: Uint8Array, from: number, length: number) => {
        sent.push(Buffer.from(bytes.subarray(from, from + length)).toString())
        return length
      },
      shutdown() {},
      end() {},
      terminate() {},
      pause() {},
      resume() {},
    }
    const outbox = new Outbox(socket, turn.output)
    const handler = (): void => {
      outbox.appendText('first')
      throw new Error('a mistake')
    }
    expect(() => turn.run(handler)).toThrow('a mistake')
    turn.run(() => outbox.appendText('second'))
    expect(sent).toEqual(['first', 'second'])
  })
})
