import { afterEach, describe, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { until } from '@rip/testing'
import { EventLog } from '../../src/manager/event-log.ts'
import { openLibc, SystemCallError } from '../../src/system/libc.ts'
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, unixAddress } from '../../src/socket/socket-address.ts'
import type { Manager } from '../../src/contract/manager-api.ts'
import { type ManagerEventBody } from '../../src/contract/events.ts'
import { type ManagerStatus, STATUS_VERSION } from '../../src/contract/status.ts'
import { type Refusal } from '../../src/contract/refusal.ts'
import { openNotifySocket } from '../../src/systemd/notify-socket.ts'
import { notifySystemd } from '../../src/systemd/systemd-notifier.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { temporaryFolder } from '../real.ts'

const MSG_DONTWAIT = 0x40
const owned: (() => void)[] = []

afterEach(() => {
  for (const release of owned.splice(0).toReversed()) release()
})

/** The service manager's side: a datagram socket. */
function serviceManager(name: string): { received: string[]; read: () => readonly string[] } {
  const libc = openLibc()
  if (libc === undefined) throw new Error('no C library')
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC)
  libc.bind(fd, unixAddress(name))
  owned.push(() => libc.close(fd))
  const received: string[] = []
  const into = new Uint8Array(4_096)
  const read = (): readonly string[] => {
    try {
      for (;;) received.push(Buffer.from(into.subarray(0, libc.receive(fd, into, MSG_DONTWAIT))).toString())
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.code !== 'EAGAIN') throw error
      return received
    }
  }
  return { received, read }
}

const refusal: Refusal = { code: 'build-failed', generation: 'g2', message: 'it does\nnot compile', atMs: 1 }

function fakeManager(): Pick<Manager, 'on' | 'status'> & { emit: (body: ManagerEventBody) => void } {
  const log = new EventLog(() => 1)
  let lastRefusal: Refusal | null = null
  return {
    on: (type, listener) => log.on(type, listener),
    get status(): ManagerStatus {
      return {
        version: STATUS_VERSION,
        name: 'shop',
        pid: 1,
        root: '/srv/shop',
        health: 'ok',
        generation: 'g1',
        previousGeneration: null,
        wantedWorkers: 2,
        readyWorkers: 2,
        watching: false,
        held: false,
        reloads: { admitted: 1, refused: 0 },
        restarts: 0,
        crashes: null,
        healthReasons: [],
        lastRefusal,
        disk: null,
        condemned: null,
        workers: [],
        background: [],
        startedAtMs: 1,
      }
    },
    emit(body) {
      if (body.type === 'generation-refused') lastRefusal = body.refusal
      log.emit(body)
    },
  }
}

test('without NOTIFY_SOCKET nothing is sent', () => {
  expect(notifySystemd(fakeManager(), { env: {} })).toBeUndefined()
  expect(notifySystemd(fakeManager(), { env: { NOTIFY_SOCKET: 'vsock:2:1234' } })).toBeUndefined()
})

describe.each(['a path', 'the abstract namespace'])('with a socket in %s', (place) => {
  async function setup() {
    const folder = await temporaryFolder()
    owned.push(() => void folder[Symbol.asyncDispose]())
    const name = place === 'a path' ? folder.at('notify.sock') : `@rip-test-${randomUUID()}`
    const service = serviceManager(name)
    const manager = fakeManager()
    const notifier = notifySystemd(manager, { env: { NOTIFY_SOCKET: name } })
    owned.push(() => notifier?.[Symbol.dispose]())
    return { manager, service, notifier }
  }

  test('start, reload and stop are sent in order', async () => {
    const { manager, service } = await setup()
    manager.emit({ type: 'generation-building', generation: 'g1', reason: 'start' })
    manager.emit({ type: 'generation-cut', generation: 'g1', previous: null, tookMs: 1 })
    manager.emit({ type: 'ready', generation: 'g1', workers: 2, tookMs: 1 })
    manager.emit({ type: 'generation-building', generation: 'g2', reason: 'deploy' })
    manager.emit({ type: 'generation-cut', generation: 'g2', previous: 'g1', tookMs: 1 })
    manager.emit({ type: 'stopping' })
    const status = 'STATUS=ok, generation g1, 2 of 2 workers ready'
    expect(service.read()).toEqual([
      `READY=1\n${status}`,
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=ok/),
      `READY=1\n${status}`,
      `STOPPING=1\n${status}`,
    ])
  })

  test('that many answers fail is sent, and that they do no more', async () => {
    const { manager, service } = await setup()
    manager.emit({ type: 'ready', generation: 'g1', workers: 2, tookMs: 1 })
    manager.emit({ type: 'health', health: 'failing', reasons: ['9 of 9 answers failed'] })
    expect(service.read().at(-1)).toBe('STATUS=failing, generation g1, 2 of 2 workers ready')
    manager.emit({ type: 'health', health: 'ok' })
    expect(service.read().at(-1)).toBe('STATUS=ok, generation g1, 2 of 2 workers ready')
  })

  test('the end of a refused reload is sent, with the reason in one line', async () => {
    const { manager, service } = await setup()
    manager.emit({ type: 'ready', generation: 'g1', workers: 2, tookMs: 1 })
    manager.emit({ type: 'generation-building', generation: 'g2', reason: 'deploy' })
    manager.emit({ type: 'generation-refused', refusal })
    expect(service.read().at(-1)).toBe(
      'READY=1\nSTATUS=ok, generation g1, 2 of 2 workers ready; refused g2: it does not compile',
    )
  })

  test('the end of a reload that never began is sent: systemctl reload waits for it', async () => {
    const { manager, service } = await setup()
    manager.emit({ type: 'generation-unchanged', generation: 'g1' })
    manager.emit({ type: 'ready', generation: 'g1', workers: 2, tookMs: 1 })
    manager.emit({ type: 'generation-unchanged', generation: 'g1' })
    manager.emit({ type: 'generation-refused', refusal })
    expect(service.read().map((message) => message.split('\n')[0])).toEqual([
      'READY=1',
      'RELOADING=1',
      'READY=1',
      'RELOADING=1',
      'READY=1',
    ])
  })

  test('nothing is sent after it was disposed', async () => {
    const { manager, service, notifier } = await setup()
    notifier?.[Symbol.dispose]()
    manager.emit({ type: 'ready', generation: 'g1', workers: 2, tookMs: 1 })
    expect(service.read()).toEqual([])
  })
})

test('the time of a reload is the time of the machine', async () => {
  await using folder = await temporaryFolder()
  const service = serviceManager(folder.at('n'))
  const manager = fakeManager()
  using _ = notifySystemd(manager, { env: { NOTIFY_SOCKET: folder.at('n') } })
  manager.emit({ type: 'ready', generation: 'g1', workers: 2, tookMs: 1 })
  manager.emit({ type: 'generation-building', generation: 'g2', reason: 'deploy' })
  const toldUs = Number(/MONOTONIC_USEC=(\d+)/.exec(service.read()[1] ?? '')?.[1])
  // Time since boot, without sleep of the machine; the runtime's clock starts with the process.
  const upSeconds = Number((await Bun.file('/proc/uptime').text()).split(' ')[0])
  expect(toldUs).toBeLessThanOrEqual((upSeconds + 1) * 1e6)
  expect(toldUs).toBeGreaterThan((performance.now() + 1_000) * 1e3)
})

test('the watchdog is fed at half its period', async () => {
  const clock = fakeClock()
  const sent: string[] = []
  const socket = { send: (state: string) => void sent.push(state), close: () => {} }
  const env = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2000000', WATCHDOG_PID: String(process.pid) }
  const notifier = notifySystemd(fakeManager(), { env, clock, socket })
  await clock.advance(3_500)
  expect(sent).toEqual(['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1'])
  notifier?.[Symbol.dispose]()
  await clock.advance(10_000)
  expect(sent).toHaveLength(4)
})

test('the watchdog of another process is not fed', async () => {
  const clock = fakeClock()
  const sent: string[] = []
  const socket = { send: (state: string) => void sent.push(state), close: () => {} }
  const env = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2000000', WATCHDOG_PID: '1' }
  using _ = notifySystemd(fakeManager(), { env, clock, socket })
  await clock.advance(10_000)
  expect(sent).toEqual([])
})

test('a blocked event loop does not feed the watchdog', async () => {
  await using folder = await temporaryFolder()
  const service = serviceManager(folder.at('n'))
  const source = JSON.stringify(new URL('../../src/systemd/systemd-notifier.ts', import.meta.url).pathname)
  const child = Bun.spawn(
    [
      process.execPath,
      '-e',
      `
      const { notifySystemd } = await import(${source})
      notifySystemd({ on: () => ({ [Symbol.dispose]() {} }), snapshot: {} })
      process.stdin.once('data', () => { console.log('blocked'); for (;;); })`,
    ],
    { env: { NOTIFY_SOCKET: folder.at('n'), WATCHDOG_USEC: '20000' }, stdio: ['pipe', 'pipe', 'inherit'] },
  )
  await until('signs of life', () => service.read().length > 5)
  void child.stdin.write('block\n')
  void child.stdin.flush()
  await child.stdout.getReader().read()
  const before = service.read().length
  await Bun.sleep(200)
  expect(service.read().length).toBe(before)
  child.kill('SIGKILL')
  await child.exited
})

test('a service manager that is gone is no error', async () => {
  await using folder = await temporaryFolder()
  const socket = openNotifySocket(folder.at('nobody'))
  socket.send('READY=1')
  socket.close()
})

test('without the C library the program systemd-notify is used, in order', async () => {
  await using folder = await temporaryFolder()
  await Bun.write(
    folder.at('systemd-notify'),
    `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${folder.at('calls')}\n`,
  )
  Bun.spawnSync(['chmod', '+x', folder.at('systemd-notify')])
  const path = process.env['PATH']
  process.env['PATH'] = `${folder.path}:${path}`
  owned.push(() => void (process.env['PATH'] = path))
  const socket = openNotifySocket('/run/n', null)
  socket.send('READY=1\nSTATUS=fine')
  socket.send('STOPPING=1')
  const calls = (): Promise<string> =>
    Bun.file(folder.at('calls'))
      .text()
      .catch(() => '')
  await until('two calls', async () => (await calls()).includes('STOPPING'))
  expect(await calls()).toBe('/run/n READY=1 STATUS=fine\n/run/n STOPPING=1\n')
})
