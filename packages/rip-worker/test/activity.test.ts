import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { Activity, type ActivityOptions } from '../src/serve/activity.ts'
import { createWorker } from '../src/serve/create-worker.ts'
import { Folder, LocalWorker, Supervised } from './helpers.ts'

interface Told {
  readonly activity: Activity
  readonly calls: string[]
  readonly log: string[]
}

function told(options: Partial<ActivityOptions> = {}): Told {
  const calls: string[] = []
  const log: string[] = []
  const activity = new Activity({
    workerId: 3,
    generation: 'g1',
    onStandby: ({ workerId, generation }) => void calls.push(`standby ${workerId} ${generation}`),
    onResume: ({ workerId, generation }) => void calls.push(`resume ${workerId} ${generation}`),
    log: (text) => log.push(text),
    ...options,
  })
  return { activity, calls, log }
}

const STANDBY = 'standby 3 g1'
const RESUME = 'resume 3 g1'

describe('an application', () => {
  test('is told each change in order, once', async () => {
    const { activity, calls } = told()
    activity.begin()
    activity.begin()
    activity.resume()
    activity.resume()
    await until('it is resumed', () => calls.length === 2)
    await activity.standBy()
    await activity.standBy()
    activity.resume()
    await until('it is resumed again', () => calls.length === 4)
    await activity.end()
    activity.resume()
    await activity.end()
    expect(calls).toEqual([STANDBY, RESUME, STANDBY, RESUME, STANDBY])
  })

  test('without resume is not put on standby at its start', async () => {
    const { activity, calls } = told({ onResume: undefined })
    activity.begin()
    activity.resume()
    expect(activity.isActive).toBe(true)
    await activity.end()
    expect(calls).toEqual([STANDBY])
  })

  test('that was never active is not put on standby at its end', async () => {
    const { activity, calls } = told({ onResume: undefined })
    activity.begin()
    await activity.end()
    expect(calls).toEqual([])
  })

  test('gets a signal for each time it is active, which aborts when that ends', async () => {
    const signals: AbortSignal[] = []
    const { activity } = told({ onResume: ({ signal }) => void signals.push(signal) })
    activity.begin()
    const early = activity.signal
    activity.resume()
    expect(activity.signal).toBe(early)
    await until('it is resumed', () => signals.length === 1)
    await activity.standBy()
    activity.resume()
    await until('it is resumed again', () => signals.length === 2)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    await activity.end()
    expect([signals.length, signals[1]?.aborted]).toEqual([2, true])
  })

  test('stands by when its promises have settled', async () => {
    const job = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const onResume = (): Promise<void> => {
      begun.resolve()
      return job.promise
    }
    const { activity, calls, log } = told({ onResume })
    activity.begin()
    activity.resume()
    await begun.promise
    const stoodBy = activity.standBy()
    await Bun.sleep(1)
    expect(calls).toEqual([STANDBY])
    job.resolve()
    await stoodBy
    expect([calls, log]).toEqual([[STANDBY, STANDBY], []])
  })

  test('whose hooks fail still gets the later changes', async () => {
    const fail = (): never => {
      throw new Error('no luck')
    }
    const { activity, log } = told({ onResume: fail, onStandby: () => Promise.reject(new Error('neither')) })
    activity.begin()
    activity.resume()
    await until('it was resumed', () => log.length === 2)
    await activity.end()
    expect(log.map((text) => text.split(':')[0])).toEqual([
      "the application's standby() failed",
      "the application's resume() failed",
      "the application's standby() failed",
    ])
  })

  test('that does not stand by in time is not waited for, and is resumed again', async () => {
    const never = new Promise<void>(() => {})
    let resumed = 0
    const onResume = (): void => void (resumed += 1)
    const { activity, log } = told({ onStandby: () => never, onResume, patienceMs: 10 })
    activity.begin()
    activity.resume()
    await until('it is resumed', () => resumed === 1)
    await activity.standBy()
    activity.resume()
    await until('it is resumed again', () => resumed === 2)
    await activity.end()
    expect(log[0]).toBe('the application does not stand by after 0.01 s: its resume() or standby() goes on')
  })

  test('that has to stand by before it was resumed is not resumed', async () => {
    const { activity, calls } = told()
    activity.begin()
    activity.resume()
    await activity.end()
    expect(calls).toEqual([STANDBY, STANDBY])
  })
})

test('a worker that runs alone is active at once, and stands by before it closes', async () => {
  const calls: string[] = []
  const note = (name: string) => () => void calls.push(name)
  await using local = await LocalWorker.serve({
    fetch: (_, context) => new Response(`${context.standby.aborted}`),
    onReady: note('ready'),
    onStandby: note('standby'),
    onResume: note('resume'),
    onDrain: note('close'),
  })
  expect(local.worker.isActive).toBe(true)
  expect(await (await local.fetch('/')).text()).toBe('false')
  await until('it is resumed', () => calls.length === 3)
  await local.worker.standBy()
  expect(await (await local.fetch('/')).text()).toBe('true')
  local.worker.resume()
  await until('it is resumed again', () => calls.length === 5)
  await local.worker.close()
  expect(calls).toEqual(['ready', 'standby', 'resume', 'standby', 'resume', 'standby', 'close'])
})

test('a hook that never ends holds up neither requests nor the end', async () => {
  const never = new Promise<void>(() => {})
  await using local = await LocalWorker.serve({
    fetch: () => new Response('ok'),
    onStandby: () => never,
    onResume: () => never,
  })
  expect(await (await local.fetch('/')).text()).toBe('ok')
  expect(await local.worker.close({ timeoutMs: 0 })).toEqual({ abandoned: 0 })
})

test('a worker can be started on standby', async () => {
  const worker = createWorker({
    fetch: () => new Response('ok'),
    listen: { port: 0, hostname: '127.0.0.1' },
    standsBy: true,
  })
  await using _worker = worker
  await worker.start()
  expect(worker.isActive).toBe(false)
  expect(await (await fetch(worker.url)).text()).toBe('ok')
  worker.resume()
  expect(worker.isActive).toBe(true)
})

const APP = `
const say = (...words) => console.log(...words)
export default (_, context) => new Response(String(context.standby.aborted))
export const ready = () => say('ready')
export const standby = async ({ workerId }) => { say('standing by', workerId); await Bun.sleep(20); say('stands by') }
export const resume = ({ workerId, generation, signal }) => {
  say('resumed', workerId, generation)
  signal.addEventListener('abort', () => say('aborted'))
}
export const close = () => say('closed')
`

test('a supervised worker follows its supervisor, and reports when it stands by', async () => {
  await using supervised = new Supervised(new Folder({ 'app.ts': APP }), { standby: true })
  const said = (): string[] => supervised.program.stdout.trimEnd().split('\n')
  await supervised.received('ready')
  expect(await (await supervised.fetch('/')).text()).toBe('false')
  await until('it stands by', () => said().length === 3)
  supervised.send({ type: 'resume' })
  supervised.send({ type: 'standby', order: 7 })
  supervised.send({ type: 'resume' })
  expect(await supervised.received('stands-by')).toEqual({ type: 'stands-by', order: 7 })
  await until('it is resumed', () => said().at(-1)?.startsWith('resumed') === true)
  supervised.send({ type: 'standby', order: 8 })
  await until('it says so', () => supervised.message('stands-by')?.order === 8)
  expect(said().slice(-3)).toEqual(['aborted', 'standing by 3', 'stands by'])
  supervised.send({ type: 'drain', deadlineMs: 5000 })
  expect(await supervised.program.exitCode()).toBe(0)
  expect(said().at(-1)).toBe('closed')
})

test('a worker whose supervisor sends no standby is active at once', async () => {
  await using supervised = new Supervised(new Folder({ 'app.ts': APP }))
  await supervised.received('ready')
  await until('it is resumed', () => supervised.program.stdout.includes('resumed 3 g1'))
})

test('WORKER_ID is the number of the worker, also if its supervisor had another one', async () => {
  const app = `export default (_, { workerId }) => Response.json([process.env.WORKER_ID, workerId])`
  await using supervised = new Supervised(new Folder({ 'app.ts': app }), { env: { WORKER_ID: '1' } })
  await supervised.received('ready')
  expect(await (await supervised.fetch('/')).json()).toEqual(['3', 3])
})
