import { dlopen } from 'bun:ffi'
import { describe, expect, test } from 'bun:test'
import { constants } from 'node:os'
import { until } from '@rip/testing'
import { hottestStack } from '../src/program/stack-samples.ts'
import { STUCK_HEADING, STUCK_SAMPLING_MS, STUCK_SIGNAL } from '../src/protocol.ts'
import { Folder, Supervised } from './helpers.ts'

const APP = `
import { execSync } from 'node:child_process'

const ways: Record<string, () => void> = {
  spins,
  waits() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  },
  execs() {
    execSync('sleep 60')
  },
}

function spins(): void {
  let sum = 0
  for (;;) sum = Math.sqrt(sum + 1)
}

export default async function handler(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  await Bun.sleep(1)
  process.stdout.write('begun')
  ways[pathname.slice(1)]?.()
  return new Response('never')
}
`

const SIG_BLOCK = process.platform === 'linux' ? 0 : 1
const SIG_SETMASK = process.platform === 'linux' ? 2 : 3

describe('a worker whose event loop is stuck reports where', () => {
  test.each([
    ['spins', /at spins \(.*app\.ts/],
    ['waits', /at waits \(.*app\.ts:7:\d+\)/],
    ['execs', /at execs \(.*app\.ts:10:\d+\)/],
  ])('%s', async (way, frame) => {
    await expectAnswer(way, frame)
  })

  test('also with signals blocked that its supervisor never sees', async () => {
    using _blocked = blockedInThread(['SIGTTIN', 'SIGTTOU'])
    await expectAnswer('waits', /at waits \(.*app\.ts:7:\d+\)/)
  })
})

/** Blocks a worker in one of the ways, and asks it where. */
async function expectAnswer(way: string, frame: RegExp): Promise<void> {
  await using worker = new Supervised(new Folder({ 'app.ts': APP }))
  await worker.received('ready')
  const answer = worker.fetch(`/${way}`).catch(() => 'cut')
  await until('it is stuck', () => worker.program.stdout.includes('begun'))
  await standsStill(worker)
  const { process: child } = worker.program
  ask(child.pid)
  const asksAgain = setInterval(() => ask(child.pid), STUCK_SAMPLING_MS)
  await worker.program.exitCode()
  clearInterval(asksAgain)
  expect(worker.program.stderr).toStartWith(STUCK_HEADING)
  expect(worker.program.stderr).toMatch(frame)
  expect(worker.program.stderr).toMatch(/at handler \(.*app\.ts:23:\d+\)/)
  expect(child.signalCode).toBe('SIGKILL')
  expect(await answer).toBe('cut')
}

/** Blocks signals in this thread: child processes inherit that. */
function blockedInThread(signals: readonly NodeJS.Signals[]): Disposable {
  const { symbols } = dlopen(process.platform === 'linux' ? 'libc.so.6' : 'libSystem.dylib', {
    pthread_sigmask: { args: ['i32', 'buffer', 'buffer'], returns: 'i32' },
  })
  const set = new Uint32Array(32)
  const before = new Uint32Array(32)
  for (const signal of signals) set[0]! |= 1 << (constants.signals[signal] - 1)
  symbols.pthread_sigmask(SIG_BLOCK, set, before)
  return { [Symbol.dispose]: () => void symbols.pthread_sigmask(SIG_SETMASK, before, set) }
}

/** Asks the main thread, as a supervisor does: another thread could not print the answer. */
function ask(pid: number): void {
  const number = constants.signals[STUCK_SIGNAL]
  if (process.platform !== 'linux') return void process.kill(pid, number)
  const tgkill = process.arch === 'arm64' ? 131 : 234
  const { symbols } = dlopen('libc.so.6', { syscall: { args: ['i64', 'i64', 'i64', 'i64'], returns: 'i64' } })
  symbols.syscall(tgkill, pid, pid, number)
}

/** Waits until no beacon arrives any more. */
async function standsStill(worker: Supervised): Promise<void> {
  let seen = -1
  while (seen !== worker.messages.length) {
    seen = worker.messages.length
    await Bun.sleep(200)
  }
}

describe('the stack of samples', () => {
  const frame = (name: string, line: number) => ({ name, sourceURL: '/app/a.ts', line, column: 5 })

  test('is the most frequent one', () => {
    const often = { frames: [frame('inner', 3), frame('outer', 9)] }
    const once = { frames: [frame('other', 4)] }
    expect(hottestStack([once, often, often])).toEqual([
      '    at inner (/app/a.ts:3:5)',
      '    at outer (/app/a.ts:9:5)',
    ])
  })

  test('may name code without a position or a name', () => {
    const frames = [{ name: 'test', line: 2 ** 32 - 1, column: 2 ** 32 - 1 }, frame('', 1)]
    expect(hottestStack([{ frames }])).toEqual(['    at test (native)', '    at <anonymous> (/app/a.ts:1:5)'])
  })

  test('is empty without samples', () => {
    expect(hottestStack([])).toEqual([])
    expect(hottestStack([{ frames: [] }])).toEqual([])
  })
})
