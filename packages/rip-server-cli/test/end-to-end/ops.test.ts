import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '@rip/testing'
import { Sandbox, until } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

/** Loads once `go` is there; `/wait` is answered once `end` is there. */
const app = (version: number): string => `import { existsSync } from 'node:fs'
const until = async (name) => {
  while (!existsSync(new URL(name, import.meta.url))) await Bun.sleep(10)
}
await until('go.tmp')
export default async (request) => {
  const { pathname } = new URL(request.url)
  if (pathname === '/wait') await until('end.tmp')
  return new Response('${version}', { status: pathname === '/fails' ? 500 : 200 })
}
`

interface Answer {
  readonly status: number
  readonly body: string
}

test(
  '--ops says from the start to the end whether the server lives and may get requests, and counts what happens',
  async () => {
    await using sandbox = await Sandbox.create()
    const { folder } = sandbox
    const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
    await write('index.js', app(1))
    await write('.gitignore', '*.tmp\n')
    const port = freePort()
    const ask = async (path: string): Promise<Answer> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false })
      return { status: response.status, body: await response.text() }
    }
    const metrics = async (): Promise<string> => (await ask('/metrics')).body
    const options = ['-b', '127.0.0.1', '-p', '0', 'w:2', '--ops', String(port), '--rollback-window', 'off']

    const server = sandbox.launch('start', folder, ...options)
    await until('the address for probes answers', () => ask('/live').catch(() => undefined))
    expect(await ask('/ready')).toEqual({ status: 503, body: 'not ready: starting: no code serves yet\n' })
    expect(await metrics()).toContain('rip_ready 0\n')
    await write('go.tmp', '')
    await until('it may get requests', async () => (await ask('/ready')).status === 200)
    await server.ready()
    expect(server.stderr).toContain(`http://127.0.0.1:${port}`)
    expect((await fetch(new URL('/live', server.url))).status).toBe(200)
    expect(await (await fetch(new URL('/live', server.url))).text()).toBe('1')

    await fetch(new URL('/fails', server.url), { method: 'POST' })
    const labels = 'http_request_method="POST",http_response_status_code="500",url_scheme="http"'
    const counted = await metrics()
    for (const line of [
      `http_server_request_duration_seconds_count{${labels}} 1`,
      'rip_requests_total{status="5xx"} 1',
      'rip_workers{state="ready"} 2',
      'rip_balancers{state="answering"} 1',
    ])
      expect(counted).toContain(`${line}\n`)
    expect(counted).toMatch(/^rip_worker_memory_bytes\{worker="w1\.1",/m)

    // The address is in use: the second server says so, and is not started.
    const second = await sandbox.run('start', folder, '--name', 'second', ...options)
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining(`127.0.0.1:${port} is in use`)])

    // What is only checked takes no address.
    expect((await sandbox.run('check', folder, ...options)).code).toBe(0)

    await write('index.js', app(2))
    expect((await sandbox.run('reload', folder)).code).toBe(0)
    await write('index.js', 'export default (')
    expect((await sandbox.run('reload', folder)).code).toBe(8)
    const reloaded = await metrics()
    for (const line of [
      'rip_reloads_total{outcome="served"} 1',
      'rip_reloads_total{outcome="boot-failed"} 1',
      'rip_last_reload_refused 1',
      'rip_ready 1',
    ])
      expect(reloaded).toContain(`${line}\n`)
    await write('index.js', app(2))

    const failed: string[] = []
    let asked = 0
    const over = new AbortController()
    const probing = (async () => {
      for (; !over.signal.aborted; asked++) {
        const { status, body } = await ask('/ready').catch((error) => ({ status: 0, body: String(error) }))
        if (status !== 200) failed.push(`${status} ${body}`)
      }
    })()
    const startOf = async (): Promise<string | undefined> =>
      /^rip_manager_start_timestamp_seconds .*$/m.exec(await metrics())?.[0]
    const before = await startOf()
    expect((await sandbox.run('restart', '--manager', folder)).code).toBe(0)
    await server.exited()
    expect(await startOf()).not.toBe(before)
    over.abort()
    await probing
    expect({ asked: asked > 0, failed }).toEqual({ asked: true, failed: [] })

    const waiting = fetch(new URL('/wait', server.url))
    await until('the request is answered by a worker', async () =>
      /^rip_backend_in_flight\{.*\} 1$/m.test(await metrics()),
    )
    const stopping = sandbox.run('stop', folder)
    await until('it turns requests away', async () => (await ask('/ready')).status === 503)
    expect(await ask('/ready')).toEqual({ status: 503, body: 'not ready: stopping: nothing new is taken\n' })
    expect((await ask('/live')).status).toBe(200)
    await write('end.tmp', '')
    expect((await waiting).status).toBe(200)
    expect((await stopping).code).toBe(0)
    expect(await ask('/live').catch(() => 'refused')).toBe('refused')
  },
  TEST_TIMEOUT_MS,
)
