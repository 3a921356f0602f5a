// The whole server in a program: it serves an application, takes new code and leaves nothing behind.
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from '@rip/server'

await writeFile('app.rip', "export default -> new Response 'first'\n")
const server = createServer({ app: 'app.rip', port: 0, bind: '127.0.0.1', workers: 1, output: 'none' })
await server.start()
const text = async (): Promise<string> => (await server.fetch('/')).text()
const first = await text()
await writeFile('app.rip', "export default -> new Response 'second'\n")
const { ok } = await server.reload()
const second = await text()
const { runDir = '' } = server
const { abandoned } = await server.close()

const isClean = abandoned === 0 && !existsSync(runDir)
console.log(
  first === 'first' && ok && second === 'second' && isClean ? 'ok' : [first, ok, second, isClean].join(),
)
