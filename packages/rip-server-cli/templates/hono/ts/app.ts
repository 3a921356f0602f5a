// The application: a Hono router. rip-server serves what this file exports; see https://hono.dev for all it can do.

import { Hono } from 'hono'
import { html } from 'hono/html'

const app = new Hono()

app.get('/', (c) =>
  c.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>Hono</title>
        </head>
        <body>
          <h1>Hello, ${c.req.query('name') ?? 'world'}</h1>
          <p>
            Worker ${process.env['RIP_WORKER_ID'] ?? 'none'} answered. Load the page again, and another one
            may.
          </p>
          <p>The same as JSON: <a href="/hello/world">/hello/world</a></p>
        </body>
      </html>`,
  ),
)

app.get('/hello/:name', (c) => c.json({ hello: c.req.param('name') }))

// rip-server.config.ts names this path: new code has to answer it before it serves.
app.get('/up', (c) => c.text('up'))

export default app
