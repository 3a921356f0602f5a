import net from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Stage } from './stage.ts'
import { until } from '@rip/testing'

/** One fault that happens while requests are served. */
export interface Fault {
  readonly name: string
  /** How the extra backend misbehaves, if there is one. */
  readonly rogue?: string
  readonly logFile?: string
  readonly descriptors?: number
  /** Number of connections that clients open before it begins, and keep. */
  readonly keptConnections?: number
  /** Whether backends are declared over the admin socket, in generations. */
  readonly generations?: boolean
  /** Repeats the fault until the time is over. @returns how often, as text */
  run(stage: Stage, isOver: () => boolean): Promise<string>
}

const PAUSE_MS = 300

async function repeat(
  isOver: () => boolean,
  pauseMs: number,
  act: () => Promise<void> | void,
): Promise<number> {
  let times = 0
  for (; !isOver(); times++) {
    await act()
    await Bun.sleep(pauseMs)
  }
  return times
}

/** Kills a backend and starts another one in its place, with the same name. */
async function replaceKilled(stage: Stage, id: string): Promise<void> {
  await stage.end(id, 'SIGKILL')
  await Bun.sleep(PAUSE_MS)
  await stage.addBackend('good', id)
  stage.reload({ to: stage.declaration() })
}

async function inFlight(stage: Stage, id: string): Promise<number> {
  const { pools } = await stage.admin.status()
  return pools[0]!.backends.find((each) => each.id === id)?.inFlight ?? 0
}

const killBusy: Fault = {
  name: 'kill -9 of a backend while it is busy',
  async run(stage, isOver) {
    const kills = await repeat(isOver, PAUSE_MS, async () => {
      const [id = ''] = stage.ids
      await until('it is busy', async () => (await inFlight(stage, id)) > 0)
      await replaceKilled(stage, id)
    })
    return `${kills} kills`
  },
}

/** Kills a backend that has connections and no requests, and then sends requests to it. */
const killIdle: Fault = {
  name: 'kill -9 of a backend while it is idle',
  async run(stage, isOver) {
    let kills = 0
    await repeat(isOver, PAUSE_MS, async () => {
      const [id = ''] = stage.ids
      stage.reload({
        to: stage.declaration().map((each) => (each.id === id ? { ...each, weight: 0 } : each)),
      })
      await until('it is idle', async () => (await inFlight(stage, id)) === 0)
      const all = stage.declaration()
      await stage.end(id, 'SIGKILL')
      stage.reload({ to: all })
      await Bun.sleep(PAUSE_MS)
      await stage.addBackend('good', id)
      stage.reload({ to: stage.declaration() })
      kills++
    })
    return `${kills} kills`
  },
}

const rolling: Fault = {
  name: 'rolling replacement of all backends',
  generations: true,
  async run(stage, isOver) {
    let generation = 1
    const rolls = await repeat(isOver, PAUSE_MS, async () => {
      const old = stage.ids
      const fresh = await Promise.all([stage.addBackend(), stage.addBackend()])
      await stage.admin.prepare(`g${generation + 1}`, stage.declaration(fresh))
      await stage.admin.cut(`g${generation + 1}`)
      await stage.admin.drain(`g${generation++}`, 10_000)
      for (const id of old) await stage.end(id, 'SIGKILL')
    })
    return `${rolls} generations`
  },
}

const reloads: Fault = {
  name: 'configuration reloaded every 100 ms',
  async run(stage, isOver) {
    let turn = 0
    const times = await repeat(isOver, 100, () => {
      const limits = { body: turn % 2 === 0 ? '10MiB' : '11MiB' }
      const all = stage.declaration()
      stage.reload({ to: turn++ % 2 === 0 ? all : all.slice(1), limits })
    })
    return `${times} reloads`
  },
}

/** Each client asks for a slow answer, or begins an upload, and resets the connection. */
const resetStorm: Fault = {
  name: 'clients that reset their connections',
  async run(stage, isOver) {
    let resets = 0
    await repeat(isOver, 20, () => {
      for (let n = 0; n < 10; n++) {
        const begin =
          n % 2 === 0
            ? 'GET /stream HTTP/1.1\r\nHost: storm\r\n\r\n'
            : 'POST /echo HTTP/1.1\r\nHost: storm\r\nContent-Length: 100000\r\n\r\nbegin'
        const socket = net.connect({ host: '127.0.0.1', port: stage.port })
        socket.on('error', () => {})
        socket.write(begin)
        setTimeout(() => (resets++, socket.resetAndDestroy()), Math.random() * 40)
      }
    })
    return `${resets} resets`
  },
}

async function idleUntilOver(isOver: () => boolean): Promise<string> {
  await repeat(isOver, 50, () => {})
  return ''
}

const rogue = (name: string, behaviour: string): Fault => ({
  name,
  rogue: behaviour,
  run: (_stage, isOver) => idleUntilOver(isOver),
})

const diskFull: Fault = {
  name: 'no space for the access log',
  logFile: '/dev/full',
  run: (_stage, isOver) => idleUntilOver(isOver),
}

const HOGS = fileURLToPath(new URL('hogs.ts', import.meta.url))

/** Opens more connections than there are descriptors for, again and again. */
const descriptors: Fault = {
  name: 'descriptors run out',
  descriptors: 256,
  keptConnections: 40,
  async run(stage, isOver) {
    await Bun.sleep(1_000)
    const hogs = Bun.spawn([process.execPath, HOGS, String(stage.port)], { stdin: 'pipe', stdout: 'pipe' })
    await idleUntilOver(isOver)
    void hogs.stdin.write('\n')
    await hogs.stdin.end()
    const opened = (await new Response(hogs.stdout).text()).trim()
    const { pools } = await stage.admin.status()
    return `${opened} connections, ${pools[0]!.ejections} ejections`
  },
}

const nothing: Fault = { name: 'nothing', run: (_stage, isOver) => idleUntilOver(isOver) }

export const FAULTS: readonly Fault[] = [
  nothing,
  killBusy,
  killIdle,
  rolling,
  reloads,
  resetStorm,
  rogue('a backend that resets after one byte', 'one-byte'),
  rogue('a backend that accepts and stays silent', 'silent'),
  rogue('a backend that sends garbage', 'garbage'),
  rogue('a backend that sends less than it said', 'too-short'),
  rogue('a backend that sends more than it said', 'too-long'),
  diskFull,
  descriptors,
]
