const server = Bun.serve({
  port: 3000,
  routes: {
    '/': () => new Response('Hello Bun'),
    '/users/:id': (request) => Response.json({ id: request.params.id }),
    '/hello.txt': () => new Response(Bun.file('public/hello.txt')),
  },
  fetch(request, server) {
    if (new URL(request.url).pathname === '/ws' && server.upgrade(request)) return
    return new Response('Not Found', { status: 404 })
  },
  websocket: {
    message(ws, message) {
      ws.send(`echo ${String(message)}`)
    },
  },
})

console.log(`Listening on ${server.url}`)
