import { expect, test } from 'bun:test'
import { promisify } from 'node:util'
import { until } from '@rip/testing'
import { LoadedTimers } from '../src/program/loaded-timers.ts'
import { Folder, Supervised } from './helpers.ts'

const own = { setTimeout, setInterval }

/** Timers of an application that is paused or not, with the number of times its state was read. */
class Rig implements Disposable {
  rests = false
  asked = 0
  readonly timers = new LoadedTimers(() => {
    this.asked += 1
    return this.rests
  })

  /** Waits until a timer was due again: it asks for the state before its turn. */
  async nextTurn(): Promise<void> {
    const before = this.asked
    await until('a timer is due', () => this.asked > before)
  }

  [Symbol.dispose](): void {
    this.timers[Symbol.dispose]()
  }
}

test('an interval skips its turns while it is paused', async () => {
  using rig = new Rig()
  let turns = 0
  const timer = setInterval((by: number) => void (turns += by), 1, 2)
  rig.timers.settle()
  await until('it runs', () => turns >= 4)
  rig.rests = true
  const before = turns
  await rig.nextTurn()
  await rig.nextTurn()
  expect(turns).toBe(before)
  rig.rests = false
  await until('it runs again', () => turns > before)
  clearInterval(timer)
})

test('a held timeout fires once when it is resumed, and only after its time', async () => {
  using rig = new Rig()
  const order: string[] = []
  const timer = setTimeout(
    function (this: unknown, word: string) {
      order.push(word, this === timer ? 'itself' : 'another')
    },
    300,
    'held',
  )
  rig.timers.settle()
  rig.rests = true
  await rig.nextTurn()
  expect(order).toEqual([])
  rig.rests = false
  rig.timers.wake()
  own.setTimeout(() => order.push('later'), 200)
  await until('all went off', () => order.includes('later'))
  expect(order).toEqual(['held', 'itself', 'later'])
})

test('a held timeout fires for a request, without being resumed', async () => {
  using rig = new Rig()
  let gone = 0
  setTimeout(() => void (gone += 1), 1)
  rig.timers.settle()
  rig.rests = true
  await rig.nextTurn()
  rig.rests = false
  await until('it goes off', () => gone === 1)
  rig.timers.wake()
})

test.each<[string, (timer: NodeJS.Timeout) => void]>([
  ['clearTimeout', (timer) => clearTimeout(timer)],
  ['clearInterval with its number', (timer) => clearInterval(Number(timer))],
  ['close', (timer) => void timer.close()],
  ['dispose', (timer) => timer[Symbol.dispose]()],
])('a held timeout can be taken back: %s', async (_, takeBack) => {
  using rig = new Rig()
  let gone = 0
  const timer = setTimeout(() => void (gone += 1), 1)
  rig.timers.settle()
  rig.rests = true
  await rig.nextTurn()
  takeBack(timer)
  rig.rests = false
  rig.timers.wake()
  const waited = Promise.withResolvers<void>()
  own.setTimeout(() => waited.resolve(), 10)
  await waited.promise
  expect(gone).toBe(0)
})

test('timers that a timer sets up are paused as well, also after an await', async () => {
  using rig = new Rig()
  let turns = 0
  const tick = async (): Promise<void> => {
    await new Promise((resolve) => own.setTimeout(resolve, 1))
    turns += 1
    setTimeout(() => void tick(), 1)
  }
  setTimeout(() => void tick(), 1)
  rig.timers.settle()
  await until('it runs', () => turns > 2)
  rig.rests = true
  await rig.nextTurn()
  const before = turns
  await rig.nextTurn()
  await rig.nextTurn()
  expect(turns).toBe(before)
  rig.rests = false
  rig.timers.wake()
  await until('it runs again', () => turns > before)
})

test('timers of requests are not paused', async () => {
  using rig = new Rig()
  rig.timers.settle()
  rig.rests = true
  let turns = 0
  const timer = setInterval(() => void (turns += 1), 1)
  await until('it runs', () => turns > 2)
  clearInterval(timer)
  expect(rig.asked).toBe(0)
})

test('timers have the type of those of the runtime', () => {
  using _rig = new Rig()
  expect([setTimeout.name, setTimeout.length]).toEqual([own.setTimeout.name, own.setTimeout.length])
  expect(promisify(setTimeout)).toBe(promisify(own.setTimeout))
  const timer = setTimeout(() => {}, 60_000)
  expect(timer.constructor).toBe(own.setTimeout(() => {}, 0).constructor)
  expect([timer.unref().hasRef(), timer.ref().hasRef()]).toEqual([false, true])
  clearTimeout(timer)
  expect(() => Reflect.apply(setTimeout, undefined, ['no function', 1])).toThrow()
})

test('an application with hooks gets its timers back, held ones included', async () => {
  const rig = new Rig()
  let gone = 0
  setTimeout(() => void (gone += 1), 1)
  rig.timers.settle()
  rig.rests = true
  await rig.nextTurn()
  rig[Symbol.dispose]()
  expect([setTimeout, setInterval]).toEqual([own.setTimeout, own.setInterval])
  await until('it goes off', () => gone === 1)
})

/** Counts turns of jobs, and prints them by a timer that a request sets up. */
const JOBS = `
import { setInterval as ofNode } from 'node:timers'
const turns = { interval: 0, node: 0, chain: 0 }
setInterval(() => turns.interval++, 1)
ofNode(() => turns.node++, 1)
const tick = () => { turns.chain++; setTimeout(tick, 1) }
tick()
const watch = () => setInterval(() => console.log(JSON.stringify(turns)), 10)
const stream = () => new Response(new ReadableStream({ pull: (c) => (c.enqueue('data: x\\n\\n'), Bun.sleep(5)) }), {
  headers: { 'content-type': 'text/event-stream' },
})
export default (request) => request.url.endsWith('/watch') ? (watch(), new Response('watching')) : stream()
`

/** The last messages of a worker. */
const lastLines = (supervised: Supervised): readonly string[] =>
  supervised.program.stdout.trimEnd().split('\n').slice(-4)

const rests = (supervised: Supervised): Promise<boolean> =>
  until('the jobs rest', () => {
    const lines = lastLines(supervised)
    return lines.length === 4 && new Set(lines).size === 1
  })

const run = (supervised: Supervised): Promise<boolean> =>
  until('each job runs', () => {
    const [before, , , after] = lastLines(supervised)
    if (before === undefined || after === undefined) return false
    const turns = JSON.parse(before) as Record<string, number>
    return Object.entries(JSON.parse(after) as Record<string, number>).every(
      ([job, now]) => now > turns[job]!,
    )
  })

test('jobs of an application without hooks are paused while its worker stands by and nothing is in flight', async () => {
  await using supervised = new Supervised(new Folder({ 'app.ts': JOBS }), { standby: true })
  await supervised.received('ready')
  await (await supervised.fetch('/watch')).text()
  await rests(supervised)
  supervised.send({ type: 'resume' })
  await run(supervised)
  supervised.send({ type: 'standby', order: 1 })
  await rests(supervised)
  const leaves = new AbortController()
  await supervised.fetch('/stream', { signal: leaves.signal })
  await run(supervised)
  leaves.abort()
  await rests(supervised)
})

test('jobs of an application with a hook are never paused', async () => {
  const source = `${JOBS}\nexport const standby = () => {}`
  await using supervised = new Supervised(new Folder({ 'app.ts': source }), { standby: true })
  await supervised.received('ready')
  await (await supervised.fetch('/watch')).text()
  await run(supervised)
})

test('jobs of a worker without a supervisor that sends standby run', async () => {
  await using supervised = new Supervised(new Folder({ 'app.ts': JOBS }))
  await supervised.received('ready')
  await (await supervised.fetch('/watch')).text()
  await run(supervised)
})

/** A `Bun.cron` whose turns the test triggers. */
class Clockwork implements Disposable {
  readonly #cron = Bun.cron
  readonly turns: (() => unknown)[] = []

  constructor() {
    const schedule = (expression: unknown, handler: unknown): unknown => {
      const job = { expression }
      if (typeof handler === 'function') this.turns.push(() => Reflect.apply(handler, job, []) as unknown)
      return typeof handler === 'function' ? job : handler
    }
    Reflect.set(Bun, 'cron', Object.assign(schedule, { parse: Reflect.get(this.#cron, 'parse') as unknown }))
  }

  [Symbol.dispose](): void {
    Reflect.set(Bun, 'cron', this.#cron)
  }
}

test('a job of Bun.cron skips its turns while it is paused, and is waited for otherwise', async () => {
  using clockwork = new Clockwork()
  using rig = new Rig()
  const seen: unknown[] = []
  const job = Bun.cron('@hourly', async function () {
    await Bun.sleep(1)
    seen.push(this)
    setTimeout(() => seen.push('in turn'), 1)
  })
  expect(job as unknown).toEqual({ expression: '@hourly' })
  rig.timers.settle()
  const [turn] = clockwork.turns
  await turn!()
  await until('it has run', () => seen.length === 2)
  expect(seen).toEqual([job, 'in turn'])
  rig.rests = true
  expect(turn!()).toBeUndefined()
  expect(seen).toHaveLength(2)
})

test('Bun.cron otherwise works as usual: in requests, as a job of the system, its properties, and after the end', async () => {
  using clockwork = new Clockwork()
  const original = Bun.cron
  using rig = new Rig()
  expect(Reflect.get(Bun.cron, 'parse')).toBe(Reflect.get(original, 'parse'))
  expect(await (Bun.cron as unknown as (...values: string[]) => unknown)('./job.ts', '@daily', 'title')).toBe(
    '@daily',
  )
  rig.timers.settle()
  rig.rests = true
  let turns = 0
  Bun.cron('@hourly', () => void (turns += 1))
  await clockwork.turns[0]!()
  expect(turns).toBe(1)
  rig.timers[Symbol.dispose]()
  expect(Bun.cron).toBe(original)
})

test('the application of a worker gets real jobs of Bun.cron, also by import', async () => {
  const source = `
    import { cron } from 'bun'
    const jobs = [Bun.cron('@yearly', () => {}).unref(), cron('@yearly', () => {}).unref()]
    export default () => Response.json([...jobs.map((job) => job.stop().cron), cron === Bun.cron, Bun.cron.name])`
  await using supervised = new Supervised(new Folder({ 'app.mjs': source }))
  await supervised.received('ready')
  expect(await (await supervised.fetch('/')).json()).toEqual(['@yearly', '@yearly', true, 'cron'])
})
