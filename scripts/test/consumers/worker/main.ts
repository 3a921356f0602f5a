// A worker without a manager: it serves, reports itself ready, and closes; and a module that publishes to this process.
import { serveWorker } from '@rip/worker'
import { publish, subscribe } from '@rip/worker/bus'

subscribe('topic', (message) => message === 'published' || console.log('wrong message'))
if (publish('topic', 'published') === 0) console.log('not heard')

await using worker = await serveWorker({ fetch: () => new Response('served'), listen: { port: 0 } })
console.log((await (await fetch(worker.url)).text()) === 'served' ? 'ok' : 'wrong answer')
