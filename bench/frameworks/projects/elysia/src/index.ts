import { Elysia } from 'elysia'

const app = new Elysia()
  .get('/', () => 'Hello Elysia')
  .get('/hello.txt', () => Bun.file('public/hello.txt'))
  .ws('/ws', { message: (ws, message) => void ws.send(`echo ${String(message)}`) })
  .listen(3000)

console.log(`Elysia is running at ${app.server?.hostname}:${app.server?.port}`)
