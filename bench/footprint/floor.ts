/** A program that does one task of a worker, and nothing else. */
export interface Step {
  readonly does: string
  readonly code: string
}

const IDLE = 'setInterval(() => {}, 1e6)'
const CONNECT = `await Bun.connect({ unix: process.env.CONTROL, socket: { data() {} } })`
const PIPE = `await Bun.connect({ fd: 0, socket: { data() {} } })`
const PLUGIN = `Bun.plugin({ name: 'app', setup(build) {
  build.onResolve({ filter: /^\\// }, () => undefined)
  build.onLoad({ filter: /app\\.ts$/ }, () => ({ contents: 'export default () => new Response()', loader: 'ts' }))
} })
const { default: fetch } = await import(process.env.APP)`
const SERVE = `Bun.serve({ unix: process.env.SOCKET, fetch })`
const HEARTBEAT = `let expectedAt = 0
setInterval(() => { expectedAt = Math.max(expectedAt, performance.now()) }, 100)
setInterval(() => process.memoryUsage.rss(), 1000)`
const SIGNALS = `for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => {})`
const STUCK = `const { dlopen, JSCallback } = await import('bun:ffi')
const { symbols } = dlopen('libc.so.6', { signal: { args: ['int', 'ptr'], returns: 'ptr' } })
globalThis.handler = new JSCallback(() => {}, { args: ['int'], returns: 'void' })
symbols.signal(24, handler.ptr)`
const ALL = [PIPE, CONNECT, PLUGIN, SERVE, HEARTBEAT, SIGNALS, STUCK]

/** All others are compared with the first. */
export const steps: readonly Step[] = [
  { does: 'bare Bun', code: IDLE },
  { does: 'a signal handler', code: `${SIGNALS};${IDLE}` },
  { does: 'its own memory once a second, the delay of the event loop ten times', code: HEARTBEAT },
  { does: 'a connection to the control socket', code: `${CONNECT};${IDLE}` },
  {
    does: 'the same and the pipe that tells of the death of its supervisor',
    code: `${PIPE};${CONNECT};${IDLE}`,
  },
  { does: 'Bun.serve on a Unix socket', code: `const fetch = () => new Response();${SERVE}` },
  { does: 'a module imported through a loader plugin', code: `${PLUGIN};${IDLE}` },
  { does: 'a native handler that tells where the event loop is stuck', code: `${STUCK};${IDLE}` },
  { does: "import 'node:path'", code: `import 'node:path';${IDLE}` },
  { does: "import 'node:fs'", code: `import 'node:fs';${IDLE}` },
  { does: 'all of this but the two imports', code: ALL.join('\n') },
  { does: 'all of this', code: ["import 'node:path';import 'node:fs'", ...ALL].join('\n') },
]
