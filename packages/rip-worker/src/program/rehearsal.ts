import { createWorker } from '../serve/create-worker.ts'
import { ServerCapture } from '../application/server-capture.ts'
import { ControlLink } from './control-link.ts'

/**
 * Starts a server without an application once, ahead of need, because the first start in a process takes several times
 * as long as the next. On sockets without a file, which only Linux has; elsewhere the start takes longer.
 */
export async function rehearse(): Promise<void> {
  if (process.platform !== 'linux') return
  const unix = `\0rip-rehearsal-${crypto.randomUUID()}`
  try {
    using _servers = new ServerCapture()
    await using worker = createWorker({
      fetch: () => new Response(),
      listen: { unix },
      trustForwarded: 'balancer',
      standsBy: true,
    })
    await worker.start()
    await worker.inject(new Request('http://rehearsal/'))
    const link = await ControlLink.connect(unix, { onMessage() {}, onEnd() {} })
    link.send({ type: 'listening', socket: unix })
    link.close()
  } catch {
    // The system forbids such sockets.
  }
}
