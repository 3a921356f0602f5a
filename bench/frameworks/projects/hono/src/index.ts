import { Hono } from 'hono'
import { serveStatic, upgradeWebSocket, websocket } from 'hono/bun'

const app = new Hono()
app.get('/', (c) => c.text('Hello Hono!'))
app.get(
  '/ws',
  upgradeWebSocket(() => ({ onMessage: (event, ws) => ws.send(`echo ${String(event.data)}`) })),
)
app.use('/hello.txt', serveStatic({ path: './public/hello.txt' }))

export default { fetch: app.fetch, websocket }
