// The application: an Elysia router. rip-server serves what this file exports; see https://elysiajs.com for all it can do.

import { Elysia, t } from 'elysia'

const app = new Elysia()
  .get('/', () => `hello from worker ${process.env['RIP_WORKER_ID'] ?? 'none'}\n`)
  .get('/hello/:name', ({ params }) => ({ hello: params.name }))
  // Anything but a number from 1 to 6 is answered with 422 and the reason.
  .post('/guess', ({ body }) => ({ right: body.number === 4 }), {
    body: t.Object({ number: t.Integer({ minimum: 1, maximum: 6 }) }),
  })
  // rip-server.config.ts names this path: new code has to answer it before it serves.
  .get('/up', () => 'up\n')

export default app
