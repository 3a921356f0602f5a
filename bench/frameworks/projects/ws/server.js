import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const server = createServer((request, response) => {
  if (request.url === '/hello.txt') return response.end(readFileSync('public/hello.txt'))
  return response.end('Hello ws')
})
const sockets = new WebSocketServer({ server })
sockets.on('connection', (socket) => {
  socket.on('message', (data) => socket.send(`echo ${data}`))
})

server.listen(8080)
