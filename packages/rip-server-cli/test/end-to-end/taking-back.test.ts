import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ManagerSnapshot } from '@rip/manager'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000
/** More than enough for the balancer's figures to say something, far fewer than come in the whole window. */
const MOST_FAILURES = 400

/** An application that starts, is healthy, and answers every other request with 500. */
const passesAndFails = `let asked = 0
export default (request) => {
  if (new URL(request.url).pathname === '/up') return new Response('up')
  return new Response('answer', { status: asked++ % 2 === 0 ? 500 : 200 })
}
`
const works = `export default () => new Response('works')\n`

/** One request after the other until stopped; counts the answers by status. */
function ask(url: string): { readonly statuses: Map<number, number>; stop(): Promise<void> } {
  const statuses = new Map<number, number>()
  let stopped = false
  const run = async (): Promise<void> => {
    while (!stopped) {
      const { status } = await fetch(url, { keepalive: false })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await Bun.sleep(5)
    }
  }
  const running = run()
  return { statuses, stop: () => ((stopped = true), running) }
}

async function serving(sandbox: Sandbox): Promise<ManagerSnapshot> {
  return JSON.parse((await sandbox.run('status', '--json')).stdout) as ManagerSnapshot
}

async function app(sandbox: Sandbox, code: string): Promise<string> {
  const file = join(sandbox.folder, 'index.js')
  await writeFile(file, code)
  return file
}

test(
  'code that is healthy, but fails when it serves, gives way to the code before',
  async () => {
    await using sandbox = await Sandbox.create()
    const file = await app(sandbox, works)
    const server: Server = await sandbox.start(
      sandbox.folder,
      'w:2',
      '0',
      '-b',
      '127.0.0.1',
      '--health',
      '/up',
    )
    const before = (await serving(sandbox)).generation
    const load = ask(server.url)
    await writeFile(file, passesAndFails)
    expect((await sandbox.run('reload')).code).toBe(0)
    const told = await server.says('back')
    expect(told).toMatch(/answers failed \([45]\d\.\d %\); it was 0\.0 % before/)
    await load.stop()
    expect(load.statuses.get(500)).toBeGreaterThanOrEqual(10)
    expect(load.statuses.get(500)).toBeLessThan(MOST_FAILURES)
    expect(new Set(load.statuses.keys())).toEqual(new Set([200, 500]))
    const { generation, lastRefusal, health } = await serving(sandbox)
    expect({ generation, health, code: lastRefusal?.code }).toEqual({
      generation: before,
      health: 'ok',
      code: 'rolled-back',
    })
    expect((await sandbox.run('status')).stdout).toContain('taken back')
    await until('nothing of it is left', async () => (await serving(sandbox)).workers.length === 2)
  },
  TEST_TIMEOUT_MS,
)

test(
  'with --rollback-window off nothing stands by',
  async () => {
    await using sandbox = await Sandbox.create()
    const file = await app(sandbox, works)
    const server = await sandbox.start(sandbox.folder, 'w:1', '0', '--rollback-window', 'off')
    await writeFile(file, passesAndFails)
    expect((await sandbox.run('reload')).code).toBe(0)
    const after = (await serving(sandbox)).generation
    await until('the code before has gone', async () => (await serving(sandbox)).workers.length === 1)
    const load = ask(server.url)
    await until('many answers have failed', () => (load.statuses.get(500) ?? 0) >= 100)
    await load.stop()
    expect((await serving(sandbox)).generation).toBe(after)
  },
  TEST_TIMEOUT_MS,
)
