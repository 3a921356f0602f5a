// Two processes of a plain program, supervised: both serve, a killed one is replaced, nothing is left at the end.
import { superviseApp, type Router } from '@rip/manager'

/** In place of a balancer: remembers where the workers listen. */
let sockets: readonly string[] = []
const router: Router = {
  prepare: async (_generation, backends) => void (sockets = backends.map(({ socket }) => socket)),
  cut: async () => {},
  drain: async () => ({ abandoned: 0 }),
}

const ask = async (socket: string): Promise<string> => (await fetch('http://app/', { unix: socket })).text()
const pids = async (): Promise<string[]> => Promise.all(sockets.map(ask))

await using app = await superviseApp({
  root: import.meta.dir,
  command: { argv: ['bun', 'program.ts'], speaksProtocol: false },
  workers: 2,
  router,
})
await app.manager.start()
const before = await pids()

const replaced = Promise.withResolvers<void>()
using _ready = app.manager.on('worker-ready', () => replaced.resolve())
process.kill(Number(before[0]), 'SIGKILL')
await replaced.promise
const after = await pids()

const ok =
  before.length === 2 &&
  after.length === 2 &&
  !after.includes(before[0] ?? '') &&
  after.includes(before[1] ?? '')
console.log(ok ? 'ok' : `before ${before.join()}, after ${after.join()}`)
