import { describe, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { copyFile, link, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const account = { uid: 54_321, gid: 54_322 }
const source = (name: string): string =>
  JSON.stringify(new URL(`../src/program/${name}.ts`, import.meta.url).pathname)

const APART = `
  const { loadCLibrary } = await import(${source('c-library')})
  const { keepApart } = await import(${source('keep-apart')})
  keepApart(loadCLibrary())
  const own = Bun.spawn(['sleep', '60'])
  own.kill()
  console.log('apart ' + (await own.exited, own.signalCode))
  process.stdin.resume()
`

describe.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')(
  'a process that keeps apart (needs root)',
  () => {
    test('cannot be looked into by another process of the same user, but starts and uses processes of its own', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'rip-apart-'))
      try {
        chmodSync(folder, 0o755)
        const bun = join(folder, 'bun')
        await link(process.execPath, bun).catch(() => copyFile(process.execPath, bun))
        const run = (script: string) =>
          Bun.spawn([bun, '-e', script], { ...account, cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] })
        await using apart = run(APART)
        const { value } = await apart.stdout.getReader().read()
        expect(new TextDecoder().decode(value)).toBe('apart SIGTERM\n')
        const look = run(`
        const { readFileSync, openSync } = require('node:fs')
        const tries = [
          () => readFileSync('/proc/${apart.pid}/environ'),
          () => readFileSync('/proc/${apart.pid}/maps'),
          () => openSync('/proc/${apart.pid}/mem', 'r'),
        ]
        console.log(tries.map((look) => { try { look(); return 'can' } catch (error) { return error.code } }).join())
      `)
        expect(await new Response(look.stdout).text()).toBe('EACCES,EACCES,EACCES\n')
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  },
)
