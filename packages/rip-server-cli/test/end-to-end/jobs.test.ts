import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sandbox, until } from '../server.ts'
import { markedBlock } from '@rip/testing'

const TEST_TIMEOUT_MS = 90_000
/** After this many runs the others have ended. */
const RUNS = 5
const page = await readFile(fileURLToPath(new URL('../../../../docs/jobs.md', import.meta.url)), 'utf8')

/** Code that appends to a file: unlike the output of several processes, lines of a file are in the order of writing. */
const noting = (file: string, what: string): string =>
  `process.getBuiltinModule('node:fs').appendFileSync('${file}', ${what} + '\\n')`

const notes = (file: string): string[] => {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n')
  } catch {
    // ENOENT: nothing was written yet.
    return []
  }
}

/** The example with a short interval; it records the process in which it runs. */
function example(file: string, log: string): string {
  const hurried = markedBlock(page, file).replace('60_000', '10')
  const source = hurried.replace(/console\.log\('swept'\)|console\.log 'swept'/, noting(log, 'process.pid'))
  expect(source).toContain('process.pid')
  return source
}

async function written(sandbox: Sandbox, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(sandbox.folder, 'app')
  await mkdir(folder)
  await Bun.write(join(folder, 'package.json'), '{"name":"app","type":"module"}')
  for (const [name, content] of Object.entries(files)) await Bun.write(join(folder, name), content)
  return folder
}

/** Number of times that another process took over. */
const changes = (pids: readonly string[]): number =>
  pids.filter((pid, at) => at > 0 && pid !== pids[at - 1]).length

/** Waits until the job runs in another process than before, and goes on there. */
async function takenOver(log: string, before: string | undefined): Promise<string> {
  return until('the job runs elsewhere', () => {
    const last = notes(log).slice(-RUNS)
    return last.length === RUNS && last[0] !== before && new Set(last).size === 1 ? last[0] : undefined
  })
}

describe.each(['app.ts', 'app.rip'])('the job of the documentation: %s', (file) => {
  test(
    'runs in one process at a time, through reloads, crashes and restarts',
    async () => {
      await using sandbox = await Sandbox.create()
      const name = file.replace('app', 'index')
      const log = join(sandbox.folder, 'runs')
      const folder = await written(sandbox, { [name]: example(file, log) })
      const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:2')
      const first = await takenOver(log, undefined)
      await appendFile(join(folder, name), '\n')
      expect((await sandbox.run('reload', folder)).code).toBe(0)
      const second = await takenOver(log, first)
      const { workers } = await sandbox.snapshot(server)
      expect(workers.map(({ state }) => state).toSorted()).toEqual(['ready', 'ready', 'standby', 'standby'])
      expect((await sandbox.run('status', folder)).stdout).toContain('standby')
      expect((await sandbox.run('rollback', folder)).code).toBe(0)
      expect(await takenOver(log, second)).toBe(first)
      expect((await sandbox.run('restart', folder)).code).toBe(0)
      const third = await takenOver(log, first)
      process.kill(Number(third), 'SIGKILL')
      const fourth = await takenOver(log, third)
      expect((await sandbox.run('restart', folder, '--manager')).code).toBe(0)
      const fifth = await takenOver(log, fourth)
      expect(changes(notes(log))).toBe(5)
      expect((await sandbox.run('stop', folder)).code).toBe(0)
      expect(notes(log).at(-1)).toBe(fifth)
      expect(server.stderr).not.toContain('stand by')
    },
    TEST_TIMEOUT_MS,
  )
})

test(
  'the job of an application without hooks runs in one process at a time',
  async () => {
    await using sandbox = await Sandbox.create()
    const log = join(sandbox.folder, 'runs')
    const job = `if (process.env.WORKER_ID === '1') setInterval(() => ${noting(log, 'process.pid')}, 10)`
    const folder = await written(sandbox, {
      'index.ts': `${job}\nexport default () => new Response('hello')`,
    })
    const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:2')
    const first = await takenOver(log, undefined)
    await appendFile(join(folder, 'index.ts'), '\n')
    expect((await sandbox.run('reload', folder)).code).toBe(0)
    const second = await takenOver(log, first)
    const { workers } = await sandbox.snapshot(server)
    expect(workers.map(({ state }) => state).toSorted()).toEqual(['ready', 'ready', 'standby', 'standby'])
    expect((await sandbox.run('rollback', folder)).code).toBe(0)
    expect(await takenOver(log, second)).toBe(first)
    expect(changes(notes(log))).toBe(2)
    expect((await sandbox.run('stop', folder)).code).toBe(0)
  },
  TEST_TIMEOUT_MS,
)

/** A queue that records the calls it gets. */
function queueSource(log: string): string {
  return `const note = (what) => ${noting(log, 'what')}
export const queue = {
  connect: () => note('connect'),
  consume: () => note('consume'),
  pause: () => note('pause'),
  disconnect: () => note('disconnect'),
}
`
}

test(
  'the consumer of the documentation pauses while other code serves',
  async () => {
    await using sandbox = await Sandbox.create()
    const log = join(sandbox.folder, 'asked')
    const files = { 'index.ts': markedBlock(page, 'consumer.ts'), 'queue.ts': queueSource(log) }
    const folder = await written(sandbox, files)
    await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
    const said = (): string[] => notes(log)
    await until('it consumes', () => said().includes('consume'))
    expect(said()).toEqual(['connect', 'pause', 'consume'])
    await appendFile(join(folder, 'index.ts'), '\n')
    expect((await sandbox.run('reload', folder)).code).toBe(0)
    await until('the new code consumes', () => said().length === 7)
    expect(said().slice(3)).toEqual(['connect', 'pause', 'pause', 'consume'])
    expect((await sandbox.run('rollback', folder)).code).toBe(0)
    await until('the old code consumes', () => said().slice(7).includes('consume'))
    const switched = said().slice(7)
    // The new code gets the order to end after the old one was resumed; the two processes write in any order.
    expect(switched.filter((what) => what !== 'disconnect')).toEqual(['pause', 'consume'])
    await sandbox.run('stop', folder)
    expect(said().filter((what) => what === 'disconnect')).toHaveLength(2)
  },
  TEST_TIMEOUT_MS,
)
