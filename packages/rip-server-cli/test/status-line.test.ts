import { describe, expect, test } from 'bun:test'
import type { ManagerEvent } from '@rip/manager'
import { phaseText, tellPhases } from '../src/instance/phases.ts'
import { StatusLine, takesStatusLine } from '@rip/balancer/status-line'

/** A status line with a clock of its own; `tick` lets time pass, and answers what was written meanwhile. */
function statusLine(columns = 40) {
  let [nowMs, written] = [0, '']
  const timers = new Set<() => void>()
  const line = new StatusLine({
    write: (text) => void (written += text),
    columns: () => columns,
    nowMs: () => nowMs,
    every: (_, run) => {
      timers.add(run)
      return { [Symbol.dispose]: () => void timers.delete(run) }
    },
  })
  const tick = (ms: number): string => {
    written = ''
    for (let passed = 0; passed < ms; passed += 100) {
      nowMs += 100
      for (const run of timers) run()
    }
    return written
  }
  const taken = (): string => {
    const text = written
    written = ''
    return text
  }
  return { line, tick, taken, timers }
}

/** What a terminal shows after such a text. */
const visible = (written: string): string => written.split('\r\u001b[K').at(-1) ?? ''

describe('the status line', () => {
  test('appears after 300 ms, tells the seconds, and is erased at the end', () => {
    const { line, tick, taken, timers } = statusLine()
    const shown = line.show('reloading')
    expect(tick(200)).toBe('')
    expect(visible(tick(100))).toMatch(/^\S reloading$/)
    expect(visible(tick(2_000))).toMatch(/^\S reloading 2 s$/)
    taken()
    shown[Symbol.dispose]()
    expect([taken(), timers.size]).toEqual(['\r\u001b[K', 0])
    shown[Symbol.dispose]()
    expect([taken(), tick(1_000)]).toEqual(['', ''])
  })

  test('gives way to what is printed, and is drawn again below', () => {
    const { line, tick, taken } = statusLine()
    using _shown = line.show('stopping')
    line.giveWay()
    expect(taken()).toBe('')
    tick(300)
    line.giveWay()
    expect(visible(taken())).toBe('')
    expect(visible(tick(100))).toContain('stopping')
  })

  test('shows the innermost text, and what is shown already once that has ended', () => {
    const { line, tick } = statusLine()
    using _outer = line.show('reloading')
    const inner = line.show('building abc')
    expect(visible(tick(400))).toContain('building abc')
    inner[Symbol.dispose]()
    expect(visible(tick(100))).toContain('reloading')
  })

  test('is never wider than the terminal', () => {
    const { line, tick } = statusLine(12)
    using _shown = line.show('starting the application')
    expect(visible(tick(300))).toMatch(/^\S starting…$/)
  })
})

test('there is none where a line cannot be erased, or where everything is kept as a log', () => {
  const terminals = [
    { TERM: 'xterm' },
    {},
    { TERM: 'xterm', CI: 'false' },
    { TERM: 'dumb' },
    { TERM: 'xterm', CI: 'true' },
  ]
  expect(terminals.map(takesStatusLine)).toEqual([true, true, true, false, false])
})

test('what a server does is shown as it happens, until the command has its answer', async () => {
  const events = [
    { type: 'generation-building', generation: 'abcdef0123', reason: 'x' },
    { type: 'worker-started', slot: 2 },
    { type: 'health', health: 'ok' },
    { type: 'worker-ready', slot: 2 },
    { type: 'generation-cut', generation: 'abcdef0123' },
  ] as unknown as ManagerEvent[]
  const shown: string[] = []
  const gone: string[] = []
  const { promise: told, resolve } = Promise.withResolvers<void>()
  const client = {
    async *events({ signal }: { readonly signal?: AbortSignal } = {}) {
      yield* events
      resolve()
      await new Promise((end) => signal?.addEventListener('abort', end))
      throw new Error('the server has gone')
    },
  }
  const busy = (text: string): Disposable => {
    shown.push(text)
    return { [Symbol.dispose]: () => void gone.push(text) }
  }
  const phases = tellPhases({ busy }, client)
  await told
  phases?.[Symbol.dispose]()
  expect(shown).toEqual(['building abcdef0', 'starting w2', 'w2 is ready', 'abcdef0 serves'])
  expect(gone).toEqual(shown)
  expect(tellPhases({}, client)).toBeUndefined()
  expect(phaseText({ seq: 1, atMs: 0, type: 'stopping' })).toBe('stopping: requests finish')
})
