import { loadApplication } from '../application/load-application.ts'
import { ServerCapture } from '../application/server-capture.ts'
import { encodeFrame, PROTOCOL_VERSION, type SupervisorMessage } from '../protocol.ts'
import { createWorker } from '../serve/create-worker.ts'
import { ControlLink } from './control-link.ts'
import { LoadedTimers } from './loaded-timers.ts'
import { LoopLag } from './loop-lag.ts'
import { readSettings } from './settings.ts'

/** Part of the names of what exists for the rehearsal alone, in this process alone. */
const NAME = `rip-rehearsal-${crypto.randomUUID()}`
const SAMPLE = 'export default (request: Request): Response => new Response(request.url)\n'

/**
 * Loads and serves an application of one line, ahead of need, because the first time in a process takes several times as
 * long as the next. The sample is no file, and its server listens on sockets without a file, which only Linux has; elsewhere
 * the start takes longer.
 */
export async function rehearse(): Promise<void> {
  if (process.platform !== 'linux') return
  const unix = `\0${NAME}`
  try {
    new LoopLag()[Symbol.dispose]()
    new LoadedTimers(() => false)[Symbol.dispose]()
    const { rehearseSnapshot } = await import('@rip/transpile/loader')
    rehearseSnapshot()
    readSettings([NAME], {
      RIP_CONTROL: unix,
      RIP_SOCKET: unix,
      RIP_WORKER_ID: '1',
      RIP_BOOT_TIMEOUT_MS: '1',
    })
    using servers = new ServerCapture()
    const sample = sampleModule()
    const application = await loadApplication(sample, servers)
    // It would be listed among the modules of the application.
    delete import.meta.require.cache[sample]
    await using worker = createWorker({
      ...application,
      listen: { unix },
      trustForwarded: 'balancer',
      standsBy: true,
    })
    await worker.start()
    await worker.inject(new Request('http://rehearsal/'))
    await greet()
  } catch {
    // The system forbids such sockets.
  }
}

/** Is welcomed as by a supervisor. */
async function greet(): Promise<void> {
  const unix = `\0${NAME}-supervisor`
  const welcome: SupervisorMessage = { type: 'welcome', version: PROTOCOL_VERSION, beaconMs: 1_000 }
  const welcomed = Promise.withResolvers<void>()
  const supervisor = Bun.listen({
    unix,
    socket: {
      open: (socket) => void socket.write(encodeFrame(welcome)),
      data() {},
    },
  })
  const link = await ControlLink.connect(unix, {
    onMessage: () => welcomed.resolve(),
    onEnd: () => welcomed.resolve(),
  })
  link.send({ type: 'listening', socket: unix })
  await welcomed.promise
  link.close()
  supervisor.stop(true)
}

/** Path of a module that a plugin provides, as one provides those of a snapshot. Its plugin knows this path only. */
function sampleModule(): string {
  const path = `/${NAME}.ts`
  const filter = new RegExp(`^${RegExp.escape(path)}$`)
  Bun.plugin({
    name: NAME,
    setup(build) {
      build.onResolve({ filter }, () => ({ path }))
      build.onLoad({ filter }, () => ({ contents: SAMPLE, loader: 'ts' }))
    },
  })
  return path
}
