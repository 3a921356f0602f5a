// The application of the chaos run for Node under pm2: the same routes as app.ts beside it.
const { createHash } = require('node:crypto')
const { createServer } = require('node:http')
const { VERSION } = require('./version.cjs')

const server = createServer((request, response) => {
  if (request.url === '/stream') return stream(response)
  if (request.url === '/echo') return echo(request, response)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ version: VERSION, pid: process.pid }))
})

function stream(response, next = 0) {
  response.write(`${next}\n`)
  if (next === 9) return response.end()
  setTimeout(stream, 100, response, next + 1)
}

function echo(request, response) {
  const hash = createHash('sha1')
  request.on('data', (chunk) => hash.update(chunk))
  request.on('end', () => response.end(hash.digest('hex')))
}

server.listen(Number(process.env.PORT), '127.0.0.1', () => process.send?.('ready'))
process.on('SIGINT', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
