import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000
const NOTE = 'socket.io keeps clients in one worker: balancer.policy is sticky, by a cookie'

/** Polls as Engine.IO does: a session begins with a request, its id is in the body, and other workers do not know it. */
const POLLING = `const sessions = new Set()
export default (request) => {
  const sid = new URL(request.url).searchParams.get('sid')
  if (sid !== null) return new Response(null, { status: sessions.has(sid) ? 200 : 400 })
  const begun = crypto.randomUUID()
  sessions.add(begun)
  return Response.json({ sid: begun })
}
`

async function application(sandbox: Sandbox, dependencies: Record<string, string>): Promise<void> {
  await writeFile(join(sandbox.folder, 'index.js'), POLLING)
  await writeFile(join(sandbox.folder, 'package.json'), JSON.stringify({ dependencies }))
}

/** Begins a session and polls it, as a browser that keeps cookies. Returns the statuses. */
async function poll(url: string): Promise<readonly number[]> {
  const begun = await fetch(url, { keepalive: false })
  const { sid } = (await begun.json()) as { sid: string }
  const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? ''
  const statuses: number[] = []
  for (let n = 0; n < 6; n++)
    statuses.push((await fetch(`${url}/?sid=${sid}`, { headers: { cookie }, keepalive: false })).status)
  return statuses
}

test(
  'polling of socket.io works with several workers, without configuration, and the start says why',
  async () => {
    await using sandbox = await Sandbox.create()
    await application(sandbox, { 'socket.io': '4.8.1' })
    const server = await sandbox.start(sandbox.folder, 'w:3', '0', '-b', '127.0.0.1')
    expect(await poll(server.url)).toEqual([200, 200, 200, 200, 200, 200])
    await server.says(NOTE)
    const { stdout } = await sandbox.run('config', sandbox.folder, '--sources')
    expect(stdout).toMatch(/^balancer\.policy +"?sticky"? +default, policy for socket\.io$/m)
    await writeFile(join(sandbox.folder, 'index.js'), `${POLLING}// another release\n`)
    expect((await sandbox.run('reload', sandbox.folder)).code).toBe(0)
    expect(await poll(server.url)).toEqual([200, 200, 200, 200, 200, 200])
  },
  TEST_TIMEOUT_MS,
)

test(
  'a policy in the configuration is kept, and without socket.io no cookie is set',
  async () => {
    await using sandbox = await Sandbox.create()
    await application(sandbox, { 'socket.io': '4.8.1' })
    const config = join(sandbox.folder, 'rip-server.config.js')
    await writeFile(config, "export default { balancer: { policy: 'round-robin' } }\n")
    const server = await sandbox.start(sandbox.folder, 'w:3', '0', '-b', '127.0.0.1')
    expect((await fetch(server.url)).headers.get('set-cookie')).toBeNull()
    expect(server.stderr).not.toContain(NOTE)
    await application(sandbox, { ws: '8.18.0' })
    await writeFile(config, 'export default {}\n')
    expect((await sandbox.run('reload', sandbox.folder)).code).toBe(0)
    expect((await fetch(server.url)).headers.get('set-cookie')).toBeNull()
  },
  TEST_TIMEOUT_MS,
)
