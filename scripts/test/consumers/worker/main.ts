// Two workers without a manager, one of them with a server of node:http: they serve, report themselves ready, and close;
// and a module that publishes to this process.
import { createServer } from 'node:http'
import { serveWorker } from '@rip/worker'
import { publish, subscribe } from '@rip/worker/bus'

subscribe('topic', (message) => message === 'published' || console.log('wrong message'))
if (publish('topic', 'published') === 0) console.log('not heard')

const nodeServer = createServer((_, response) => response.end('of node:http'))
await using one = await serveWorker({ fetch: () => new Response('of fetch'), listen: { port: 0 } })
await using other = await serveWorker({ nodeServer, listen: { port: 0 } })
const answers = await Promise.all([one, other].map(async ({ url }) => (await fetch(url)).text()))
console.log(answers.join() === 'of fetch,of node:http' ? 'ok' : `answers were ${answers.join()}`)
