import { describe, expect, test } from 'bun:test'
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 90_000
/** As many runs show that the others have ended. */
const RUNS = 5
const page = await readFile(fileURLToPath(new URL('../../../../docs/jobs.md', import.meta.url)), 'utf8')

/** The code block behind a mark such as `<!-- test: app.ts -->`. */
function block(mark: string): string {
  const at = page.indexOf(`<!-- test: ${mark} -->`)
  const match = /```\w+\n(.*?)```/s.exec(page.slice(at))
  if (at === -1 || match === null) throw new Error(`the page has no block marked ${mark}`)
  return match[1]!
}

/** The example, in a hurry, that says in which process it runs. */
function example(file: string): string {
  const source = block(file)
  const hurried = source.replace('60_000', '10').replace("'swept'", "'swept', process.pid")
  expect(hurried).toContain('process.pid')
  return hurried
}

async function written(sandbox: Sandbox, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(sandbox.folder, 'app')
  await mkdir(folder)
  await Bun.write(join(folder, 'package.json'), '{"name":"app","type":"module"}')
  for (const [name, content] of Object.entries(files)) await Bun.write(join(folder, name), content)
  return folder
}

/** The processes the job ran in, as often as it did. */
const runs = ({ stdout }: Server): string[] => [...stdout.matchAll(/swept (\d+)/g)].map(([, pid]) => pid!)

/** How often another process took over. */
const changes = (pids: readonly string[]): number =>
  pids.filter((pid, at) => at > 0 && pid !== pids[at - 1]).length

/** Waits until the job runs in another process than the last time, and goes on there. */
async function takenOver(server: Server, before: string | undefined): Promise<string> {
  return until('the job runs elsewhere', () => {
    const last = runs(server).slice(-RUNS)
    return last.length === RUNS && last[0] !== before && new Set(last).size === 1 ? last[0] : undefined
  })
}

describe.each(['app.ts', 'app.rip'])('the job of the documentation: %s', (file) => {
  test(
    'runs in one process at a time, whatever happens',
    async () => {
      await using sandbox = await Sandbox.create()
      const name = file.replace('app', 'index')
      const folder = await written(sandbox, { [name]: example(file) })
      const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:2')
      const first = await takenOver(server, undefined)
      await appendFile(join(folder, name), '\n')
      expect((await sandbox.run('reload')).code).toBe(0)
      const second = await takenOver(server, first)
      const { workers } = await sandbox.snapshot(server)
      expect(workers.map(({ phase }) => phase).toSorted()).toEqual(['ready', 'ready', 'standby', 'standby'])
      expect((await sandbox.run('status')).stdout).toContain('standby')
      expect((await sandbox.run('rollback')).code).toBe(0)
      expect(await takenOver(server, second)).toBe(first)
      expect((await sandbox.run('restart')).code).toBe(0)
      const third = await takenOver(server, first)
      process.kill(Number(third), 'SIGKILL')
      const fourth = await takenOver(server, third)
      expect((await sandbox.run('restart', '--manager')).code).toBe(0)
      const fifth = await takenOver(server, fourth)
      expect(changes(runs(server))).toBe(5)
      expect((await sandbox.run('stop')).code).toBe(0)
      expect(runs(server).at(-1)).toBe(fifth)
      expect(server.stderr).not.toContain('stand by')
    },
    TEST_TIMEOUT_MS,
  )
})

/** A queue that says what is asked of it. */
const QUEUE = `const say = (what) => console.log('queue', process.env.WORKER_ID, what)
export const queue = {
  connect: () => say('connect'), consume: () => say('consume'), pause: () => say('pause'), disconnect: () => say('disconnect'),
}
`

test(
  'the consumer of the documentation pauses while other code serves',
  async () => {
    await using sandbox = await Sandbox.create()
    const folder = await written(sandbox, { 'index.ts': block('consumer.ts'), 'queue.ts': QUEUE })
    const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
    const said = (): string[] => [...server.stdout.matchAll(/queue 1 (\w+)/g)].map(([, what]) => what!)
    await until('it consumes', () => said().includes('consume'))
    expect(said()).toEqual(['connect', 'pause', 'consume'])
    await appendFile(join(folder, 'index.ts'), '\n')
    expect((await sandbox.run('reload')).code).toBe(0)
    await until('the new code consumes', () => said().length === 7)
    expect(said().slice(3)).toEqual(['connect', 'pause', 'pause', 'consume'])
    expect((await sandbox.run('rollback')).code).toBe(0)
    await until('the old code consumes', () => said().slice(7).includes('consume'))
    expect(said().slice(7, 9)).toEqual(['pause', 'consume'])
    await sandbox.run('stop')
    expect(said().filter((what) => what === 'disconnect')).toHaveLength(2)
  },
  TEST_TIMEOUT_MS,
)
