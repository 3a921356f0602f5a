import { expect, setDefaultTimeout, test } from 'bun:test'
import { until } from '@rip/testing'
import { AdminClient, balance } from '../../src/index.ts'
import { Program } from '../cli/program.ts'
import { TempFolder, TestBackend } from '../servers.ts'

// Programs take long to start on a busy machine.
setDefaultTimeout(20_000)

const post = async (url: string, bytes: number): Promise<number> =>
  (await fetch(url, { method: 'POST', body: 'x'.repeat(bytes), headers: { connection: 'close' } })).status

const echo = (folder: TempFolder): TestBackend =>
  new TestBackend(folder.file('b.sock'), async (request) => new Response(await request.text()))

test('a new configuration is in force when it is acknowledged; an invalid one changes nothing', async () => {
  using folder = new TempFolder()
  await using backend = echo(folder)
  const socket = folder.file('admin.sock')
  const config = { listen: '127.0.0.1:0', to: backend.address, admin: `unix:${socket}` }
  await using lb = await balance({ ...config, limits: { body: '1KiB' } })
  const admin = new AdminClient({ socket })
  expect(await post(lb.url, 5_000)).toBe(413)
  await admin.configure({ ...config, limits: { body: '1MiB' } })
  expect(await post(lb.url, 5_000)).toBe(200)
  for (const wrong of [{ limits: { body: 'much' } }, { admin: 'unix:/elsewhere.sock' }]) {
    const error: unknown = await admin.configure({ ...config, ...wrong }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ADMIN_REFUSED' })
  }
  expect(await post(lb.url, 5_000)).toBe(200)
})

test('several processes take it over, and a process that replaces one of them begins with it', async () => {
  using folder = new TempFolder()
  await using backend = echo(folder)
  const socket = folder.file('admin.sock')
  const config = { listen: '127.0.0.1:0', to: backend.address, admin: `unix:${socket}` }
  const path = folder.file('balancer.json')
  await Bun.write(path, JSON.stringify({ ...config, limits: { body: '1KiB' } }))
  await using program = new Program('--config', path, '--processes', '2')
  const url = await program.url()
  const admin = new AdminClient({ socket })
  await admin.configure({ ...config, limits: { body: '1MiB' } })
  for (let n = 0; n < 20; n++) expect(await post(url, 5_000)).toBe(200)
  const [first] = (await admin.status()).processes
  process.kill(first!, 'SIGKILL')
  await until('it is replaced', async () => {
    const { processes } = await admin.status()
    return processes.length === 2 && !processes.includes(first!)
  })
  for (let n = 0; n < 20; n++) expect(await post(url, 5_000)).toBe(200)
})
