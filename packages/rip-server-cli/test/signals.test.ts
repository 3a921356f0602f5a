import { describe, expect, test } from 'bun:test'
import type { Mode } from '@rip/server/settings'
import { handleSignals } from '../src/signals.ts'
import type { ControllingTerminal } from '../src/terminal/controlling-terminal.ts'

type Terminal = Pick<ControllingTerminal, 'existed' | 'shown' | 'isGone' | 'stopsJob'>

const NONE: Terminal = { existed: false, shown: false, isGone: false, stopsJob: false }
const OPEN: Terminal = { ...NONE, existed: true, shown: true }

interface Handled extends Disposable {
  /** The requests that the signals led to. */
  readonly asked: readonly string[]
}

function handled(mode: Mode, terminal: Terminal): Handled {
  const asked: string[] = []
  const actions = {
    stop: ({ now }: { readonly now: boolean }) => void asked.push(now ? 'stop now' : 'stop'),
    reload: () => void asked.push('reload'),
    restart: () => void asked.push('restart'),
    handOver: () => void asked.push('hand over'),
    scaleBy: (workers: number) => void asked.push(`scale by ${workers}`),
  }
  const handlers = handleSignals(actions, mode, terminal)
  return { asked, [Symbol.dispose]: () => handlers[Symbol.dispose]() }
}

test('signals to stop within a moment count as one, a later one means now', async () => {
  using signals = handled('production', NONE)
  process.emit('SIGINT')
  process.emit('SIGINT')
  process.emit('SIGTERM')
  expect(signals.asked).toEqual(['stop'])
  await Bun.sleep(260)
  process.emit('SIGINT')
  expect(signals.asked).toEqual(['stop', 'stop now'])
})

describe('SIGHUP', () => {
  const gone = { ...OPEN, isGone: true }
  test.each<[string, Mode, Terminal, readonly string[]]>([
    ['reloads where there is no terminal', 'production', NONE, ['reload']],
    ['reloads in dev where there is no terminal', 'development', NONE, ['reload']],
    ['reloads in a terminal that is open', 'production', OPEN, ['reload']],
    ['ends dev in a terminal', 'development', OPEN, ['stop']],
    ['stops what wrote to a terminal that is gone', 'production', gone, ['stop']],
    ['means nothing to what wrote elsewhere', 'production', { ...gone, shown: false }, []],
  ])('%s', async (_, mode, terminal, asked) => {
    using signals = handled(mode, terminal)
    process.emit('SIGHUP')
    await Bun.sleep(60)
    expect(signals.asked).toEqual([...asked])
  })

  test('twice from a terminal that is closed, as by shell and system, does not mean now', async () => {
    using signals = handled('development', OPEN)
    process.emit('SIGHUP')
    await Bun.sleep(260)
    process.emit('SIGHUP')
    expect(signals.asked).toEqual(['stop', 'stop'])
  })
})

test('SIGTTIN and SIGTTOU scale, unless the driver of the terminal may have sent them', () => {
  using signals = handled('production', OPEN)
  process.emit('SIGTTIN')
  process.emit('SIGTTOU')
  expect(signals.asked).toEqual(['scale by 1', 'scale by -1'])
  using stopped = handled('production', { ...OPEN, stopsJob: true })
  process.emit('SIGTTIN')
  process.emit('SIGTTOU')
  expect(stopped.asked).toEqual([])
})
