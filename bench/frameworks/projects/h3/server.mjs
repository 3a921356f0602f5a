import { readFile } from 'node:fs/promises'
import { H3, serve } from 'h3'

const app = new H3()
  .get('/', () => 'Hello H3')
  .get('/hello.txt', async (event) => {
    event.res.headers.set('content-type', 'text/plain')
    return readFile('public/hello.txt', 'utf8')
  })

serve(app, { port: 3000 })
