import { expect, test } from 'bun:test'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Finished, Sandbox } from '../server.ts'

const TEST_TIMEOUT_MS = 60_000

/** Expects a refusal: one message on stderr and nothing on stdout. */
function expectRefusal({ code, stdout, stderr }: Finished, exitCode: number, ...texts: string[]): void {
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' })
  for (const text of texts) expect(stderr).toContain(text)
  expect(stderr.match(/^rip-server: /gm)).toHaveLength(1)
  // No stack trace of ours: the message is enough.
  expect(stderr).not.toContain('rip-server-cli/src')
}

test(
  'an unknown flag: exit 2, with a suggestion',
  async () => {
    await using sandbox = await Sandbox.create()
    expectRefusal(await sandbox.run('dev', '--prot', '80'), 2, 'unknown option --prot; did you mean --port?')
  },
  TEST_TIMEOUT_MS,
)

test(
  'a misspelt command: exit 2, with a suggestion',
  async () => {
    await using sandbox = await Sandbox.create()
    expectRefusal(
      await sandbox.run('statsu'),
      2,
      '"statsu" is not a command, file or folder; did you mean status?',
    )
    expectRefusal(await sandbox.run('help', 'statsu'), 2, '"statsu" is not a command; did you mean status?')
  },
  TEST_TIMEOUT_MS,
)

test(
  'a rollback with nothing to return to: exit 8',
  async () => {
    await using sandbox = await Sandbox.create()
    await sandbox.start(await sandbox.fixture('ts-app'), 'w:1', '0')
    const refused = await sandbox.run('rollback')
    expectRefusal(refused, 8)
    expect(refused.stderr).toBe(
      'rip-server: there is no code to return to: nothing else has been served since the start\n',
    )
  },
  TEST_TIMEOUT_MS,
)

test(
  'no application: exit 4',
  async () => {
    await using sandbox = await Sandbox.create()
    const empty = join(sandbox.folder, 'empty')
    await mkdir(empty)
    expectRefusal(await sandbox.run('dev', empty, '0'), 4, empty, 'index')
    expectRefusal(await sandbox.run('dev', './nowhere', '0'), 4, 'nowhere', 'there is no file or folder')
  },
  TEST_TIMEOUT_MS,
)

test(
  'a syntax error in the application: exit 4, with the code frame',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.demo()
    await writeFile(join(app, 'lib/worker.rip'), 'export whoami = ->\n  me = (1 +\n')
    expectRefusal(await sandbox.run('start', app, '0'), 4, 'lib/worker.rip', '> 2 |   me = (1 +')
    expect(await sandbox.processes()).toEqual([])
  },
  TEST_TIMEOUT_MS,
)

test(
  'an application that throws while it is loaded: exit 4, with the reason',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    await writeFile(
      join(app, 'greeting.ts'),
      `export const greeting = ''\nthrow new Error('no greeting today')\n`,
    )
    expectRefusal(await sandbox.run(app, '0'), 4, 'no greeting today')
  },
  TEST_TIMEOUT_MS,
)

test(
  'a worker that does not become ready: exit 3, with the reason',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('fails-ready')
    expectRefusal(await sandbox.run(app, '0'), 3, 'the database does not answer')
    expect(await sandbox.processes()).toEqual([])
  },
  TEST_TIMEOUT_MS,
)

test(
  'a port in use: exit 1, naming the owner',
  async () => {
    await using sandbox = await Sandbox.create()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const app = await sandbox.fixture('ts-app')
    expectRefusal(
      await sandbox.run(app, '-b', '127.0.0.1', String(port)),
      1,
      `127.0.0.1:${port}`,
      String(process.pid),
    )
    other.close()
  },
  TEST_TIMEOUT_MS,
)

test(
  'a run directory that cannot be written: exit 1',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    // A file where a folder should be: refused for root, too.
    const blocked = join(sandbox.folder, 'blocked')
    await writeFile(blocked, '')
    expectRefusal(await sandbox.run(app, '0', '--run-dir', join(blocked, 'run')), 1, 'run directory', blocked)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a second instance: exit 6 with the pid of the first, which serves on',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    const first = await sandbox.start(app, 'w:1', '0')
    expectRefusal(await sandbox.run(app, '0'), 6, `process ${first.pid}`)
    expect(await (await fetch(first.url)).text()).toBe('hello from TypeScript')
  },
  TEST_TIMEOUT_MS,
)

test(
  'an invalid configuration: exit 5, every error with its position',
  async () => {
    await using sandbox = await Sandbox.create()
    const app = await sandbox.fixture('ts-app')
    const config = join(app, 'rip-server.config.ts')
    await writeFile(config, 'export default {\n  wrokers: 2,\n  port: 70000,\n}\n')
    const finished = await sandbox.run(app)
    expectRefusal(
      finished,
      5,
      'config.ts:2:3: unknown key wrokers; did you mean workers?',
      'config.ts:3:3: port',
    )
    expect(await readFile(config, 'utf8')).toContain('wrokers')
  },
  TEST_TIMEOUT_MS,
)

test(
  'a command without an instance: exit 7',
  async () => {
    await using sandbox = await Sandbox.create()
    for (const command of ['status', 'reload', 'stop'])
      expectRefusal(await sandbox.run(command), 7, 'running')
    expect(await sandbox.processes()).toEqual([])
  },
  TEST_TIMEOUT_MS,
)
