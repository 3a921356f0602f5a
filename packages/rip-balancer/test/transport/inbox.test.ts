import { describe, expect, test } from 'bun:test'
import { Inbox, type Receiver } from '../../src/transport/inbox.ts'
import { Outbox } from '../../src/transport/outbox.ts'

/** A loop whose turns end when they are told to. */
class Turns {
  private calls: (() => void)[] = []

  readonly atEnd = (call: () => void): void => {
    this.calls.push(call)
  }

  end(): void {
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

  failed(error: unknown): void {
    this.log.push(`${this.name} failed: ${String(error)}`)
  }
}

function busyInbox(turns: Turns): Inbox {
  const inbox = new Inbox(turns.atEnd)
  const nobody = new Collector('', [])
  // The turn in which the 64th event comes is counted.
  for (let event = 0; event < 80; event++) inbox.arrived(nobody, Buffer.from('x'))
  turns.end()
  return inbox
}

describe('the inbox', () => {
  test('hands over at once what comes alone', () => {
    const turns = new Turns()
    const inbox = new Inbox(turns.atEnd)
    const log: string[] = []
    const one = new Collector('one', log)
    for (let turn = 0; turn < 200; turn++) {
      inbox.arrived(one, Buffer.from(String(turn)))
      expect(log).toHaveLength(turn + 1)
      turns.end()
    }
  })

  test('collects the events of a turn while there are several, in their order, and sends afterwards', () => {
    const turns = new Turns()
    const inbox = busyInbox(turns)
    const log: string[] = []
    const outboxes = ['a', 'b'].map(
      (name) =>
        new Outbox({
          write: (_bytes, _from, length) => (log.push(`${name} sends ${length}`), length),
          shutdown() {},
          end() {},
          terminate() {},
          pause() {},
          resume() {},
        }),
    )
    const [a, b] = outboxes.map(
      (outbox, at) => new Collector('ab'[at]!, log, (text) => outbox.appendText(text)),
    )
    inbox.arrived(a!, Buffer.from('1'))
    inbox.arrived(b!, Buffer.from('22'))
    inbox.arrived(a!, Buffer.from('333'))
    expect(log).toEqual([])
    turns.end()
    // What one outbox gathered before is sent when it gathers again.
    expect(log).toEqual(['a:1', 'b:22', 'a:333', 'a sends 1', 'b sends 2', 'a sends 3'])
  })

  test('goes back to handing over at once when turns bring little', () => {
    const turns = new Turns()
    const inbox = busyInbox(turns)
    const log: string[] = []
    const one = new Collector('one', log)
    inbox.arrived(one, Buffer.from('held'))
    turns.end()
    inbox.arrived(one, Buffer.from('at once'))
    expect(log).toEqual(['one:held', 'one:at once'])
  })

  test('is emptied before anything else is told, and holds little', () => {
    const turns = new Turns()
    const inbox = busyInbox(turns)
    const log: string[] = []
    const one = new Collector('one', log)
    inbox.arrived(one, Buffer.from('first'))
    inbox.empty()
    expect(log).toEqual(['one:first'])
    inbox.arrived(one, Buffer.alloc(100_000))
    expect(log).toHaveLength(2)
    turns.end()
    expect(log).toHaveLength(2)
  })

  test('keeps one that throws from the others', () => {
    const turns = new Turns()
    const inbox = busyInbox(turns)
    const log: string[] = []
    const bad = new Collector('bad', log, () => {
      throw new Error('a mistake')
    })
    const good = new Collector('good', log)
    inbox.arrived(bad, Buffer.from('1'))
    inbox.arrived(good, Buffer.from('2'))
    turns.end()
    inbox.arrived(bad, Buffer.from('3'))
    inbox.empty()
    expect(log).toEqual([
      'bad:1',
      'bad failed: Error: a mistake',
      'good:2',
      'bad:3',
      'bad failed: Error: a mistake',
    ])
  })

  test('does not begin again while it is being emptied', () => {
    const turns = new Turns()
    const inbox = busyInbox(turns)
    const log: string[] = []
    const closing = new Collector('closing', log, () => inbox.empty())
    inbox.arrived(closing, Buffer.from('1'))
    inbox.arrived(new Collector('next', log), Buffer.from('2'))
    turns.end()
    expect(log).toEqual(['closing:1', 'next:2'])
  })
})
