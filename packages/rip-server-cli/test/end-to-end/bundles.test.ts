import { expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PROGRAM, Sandbox } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000
const BUNDLE = fileURLToPath(new URL('../../../../scripts/src/bundle.ts', import.meta.url))

/** Makes the bundles as an installation of the workspace does. */
async function makeBundles(): Promise<void> {
  const child = Bun.spawn([process.execPath, BUNDLE], { stdio: ['ignore', 'inherit', 'inherit'] })
  expect(await child.exited).toBe(0)
}

async function writeApp(sandbox: Sandbox, name: string, code: string): Promise<string> {
  const folder = join(sandbox.folder, 'app')
  await mkdir(folder)
  await writeFile(join(folder, name), code)
  return folder
}

test(
  'balancer processes and workers are started from bundles, and stacks name the sources',
  async () => {
    await makeBundles()
    await using sandbox = await Sandbox.create()
    const code = `export default (request) => { if (request.url.endsWith('/up')) return new Response('up'); throw new Error('on purpose') }`
    const app = await writeApp(sandbox, 'index.ts', code)
    await writeFile(join(app, 'rip-server.config.ts'), 'export default { balancer: { processes: 2 } }\n')
    const server = await sandbox.start(app, 'w:2', '0')
    const programs = (await sandbox.commands()).match(/\S+\/(?:rip-worker|rip-balancer)\/\S+/g) ?? []
    expect(programs.filter((path) => path.includes('/rip-worker/bundle/'))).toHaveLength(2)
    // The parent process, and two that serve.
    expect(
      programs.filter((path) => path.endsWith('/rip-balancer/bundle/compiled/bin/rip-balancer')),
    ).toHaveLength(3)
    expect(await (await fetch(new URL('/up', server.url))).text()).toBe('up')
    expect((await fetch(server.url)).status).toBe(500)
    await server.says('on purpose')
    expect(server.stderr + server.stdout).not.toContain('/bundle/')
  },
  TEST_TIMEOUT_MS,
)

test(
  'the bundle of a worker also has the parts for some applications only: servers they open, and .rip files they import late',
  async () => {
    await makeBundles()
    await using sandbox = await Sandbox.create()
    const app = await writeApp(
      sandbox,
      'index.js',
      `const late = __dirname + '/late' + '.rip'
require('node:fs').writeFileSync(late, 'export said = -> "late"\\n')
require('node:http').createServer(async (_, response) => response.end((await import(late)).said())).listen(4000)`,
    )
    const server = await sandbox.start(app, 'w:1', '0')
    expect(await sandbox.commands()).toContain('/rip-worker/bundle/')
    expect(await (await fetch(server.url)).text()).toBe('late')
  },
  TEST_TIMEOUT_MS,
)

test(
  'the command line of start and dev runs from what is compiled ahead of time, that of other commands from its sources',
  async () => {
    await makeBundles()
    await using sandbox = await Sandbox.create()
    // Bun tells then whether it found the bytecode of a file.
    const env = { ...sandbox.env(), BUN_JSC_verboseDiskCache: '1' }
    const output = async (...args: string[]): Promise<string> => {
      const child = Bun.spawn([process.execPath, PROGRAM, ...args], { env, stderr: 'pipe', stdout: 'ignore' })
      return await new Response(child.stderr).text()
    }
    expect(await output('start', '--help')).toContain('Cache hit')
    expect(await output('--version')).toContain('Cache hit')
    expect(await output('status', '--help')).not.toContain('Cache hit')
  },
  TEST_TIMEOUT_MS,
)
