// A worker without a manager: it serves, reports itself ready, and closes.
import { serveWorker } from '@rip/worker'

await using worker = await serveWorker({ fetch: () => new Response('served'), listen: { port: 0 } })
console.log((await (await fetch(worker.url)).text()) === 'served' ? 'ok' : 'wrong answer')
