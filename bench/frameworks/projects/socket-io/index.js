const express = require('express')
const { createServer } = require('node:http')
const { Server } = require('socket.io')

const app = express()
const server = createServer(app)
const io = new Server(server)

app.use(express.static('public'))
app.get('/', (req, res) =>
  res.send('<h1>Hello Socket.IO</h1><script src="/socket.io/socket.io.js"></script>'),
)
io.on('connection', (socket) => {
  socket.on('chat message', (message, answer) => answer(`echo ${message}`))
})

server.listen(3000, () => console.log('server running at http://localhost:3000'))
