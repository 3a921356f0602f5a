import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandOf, descendantsOf } from '@rip/testing'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000
const MODULE = 'export default () => new Response(String(process.pid))\n'
/** Has a child of its own. */
const COMMAND = `
  Bun.spawn(['sleep', '1000'])
  Bun.serve({ port: process.env.PORT, fetch: () => new Response(String(process.pid)) })
`

async function appWith(file: string, text: string): Promise<Sandbox> {
  const sandbox = await Sandbox.create()
  sandbox.startFolder = join(sandbox.folder, 'shop')
  await mkdir(sandbox.startFolder)
  await writeFile(join(sandbox.startFolder, file), text)
  return sandbox
}

const scoreOf = (pid: number | 'self'): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'))

/** Values above our own, by process of the server. */
function risesOf({ pid }: Server): Readonly<Record<string, readonly number[]>> {
  const rises: Record<string, number[]> = { server: [scoreOf(pid) - scoreOf('self')] }
  for (const each of descendantsOf(pid)) {
    const role = commandOf(each).includes('rip-balancer') ? 'balancer' : 'application'
    ;(rises[role] ??= []).push(scoreOf(each) - scoreOf('self'))
  }
  return rises
}

/** As many as there are processes, none of them without a rise. How high it is depends on the memory there is. */
function sameRises({ application = [] }: ReturnType<typeof risesOf>, count: number): readonly number[] {
  const [rise = 0] = application
  expect(rise).toBeGreaterThan(0)
  return Array.from({ length: count }, () => rise)
}

describe.skipIf(process.platform !== 'linux')('when memory runs out, the kernel is to take', () => {
  test(
    'a worker before the server and its balancer, also after a reload',
    async () => {
      await using sandbox = await appWith('index.ts', MODULE)
      const server = await sandbox.start('start', '--port', '0', '--workers', '2', '--rollback-window', 'off')
      await until('the builder has gone', () => descendantsOf(server.pid).length === 3)
      const rises = risesOf(server)
      expect(rises).toEqual({ server: [0], balancer: [0], application: sameRises(rises, 2) })
      await writeFile(join(sandbox.startFolder, 'index.ts'), `${MODULE}// changed\n`)
      expect(await sandbox.run('reload')).toMatchObject({ code: 0 })
      await until('the old workers and the builder have gone', () => descendantsOf(server.pid).length === 3)
      expect(risesOf(server)).toEqual(rises)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'any process of a start command as well',
    async () => {
      await using sandbox = await appWith('server.js', COMMAND)
      const server = await sandbox.start('start', '--port', '0', '--workers', '1', '--', 'bun', 'server.js')
      const rises = risesOf(server)
      expect(rises).toEqual({ server: [0], balancer: [0], application: sameRises(rises, 3) })
    },
    TEST_TIMEOUT_MS,
  )
})
