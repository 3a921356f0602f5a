import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ManagerStatus } from '@rip/manager'
import { Sandbox, type Server, until } from '../server.ts'
import { markedBlock } from '@rip/testing'

const TEST_TIMEOUT_MS = 120_000
const PAGE = fileURLToPath(new URL('../../../../docs/several-processes.md', import.meta.url))
/** As many lines in a row show that no other process writes any more. */
const LINES = 5
const CHANGES = 6

const WEB = 'export default (): Response => new Response("web")\n'

/** A poller: each turn adds a line with its process and its code, at once and to the end of the file. */
const poller = (log: string, code: string, more = ''): string => `
const { appendFileSync } = process.getBuiltinModule('node:fs')
const work = () => appendFileSync('${log}', process.pid + ' ${code}\\n')
work()
setInterval(work, 5)
${more}
`

/** Ends when a file is there. */
const endsWith = (file: string): string =>
  `export const close = async () => { while (!(await Bun.file('${file}').exists())) await Bun.sleep(5) }`

interface Application {
  readonly sandbox: Sandbox
  readonly folder: string
  readonly log: string
  readonly write: (code: string, more?: string) => Promise<void>
  /** Waits until another process than that one works, and goes on alone. */
  readonly worksAfter: (pid: string | undefined) => Promise<{ readonly pid: string; readonly code: string }>
}

async function application(
  sandbox: Sandbox,
  files: Readonly<Record<string, string>> = { 'index.ts': WEB },
): Promise<Application> {
  const [folder, log] = [join(sandbox.folder, 'app'), join(sandbox.folder, 'log')]
  await mkdir(folder)
  const all = { 'package.json': '{"rip":{"background":["jobs.ts"]}}', ...files }
  for (const [name, content] of Object.entries(all)) await Bun.write(join(folder, name), content)
  return {
    sandbox,
    folder,
    log,
    write: async (code, more) => {
      await Bun.write(join(folder, 'jobs.ts'), poller(log, code, more))
    },
    worksAfter: (before) =>
      until('another process works', () => {
        const last = linesOf(log).slice(-LINES)
        const [pid = '', code = ''] = last[0]?.split(' ') ?? []
        const isAlone = last.length === LINES && new Set(last).size === 1
        return isAlone && pid !== before ? { pid, code } : undefined
      }),
  }
}

function linesOf(log: string): readonly string[] {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n')
  } catch {
    // ENOENT: nothing has worked yet.
    return []
  }
}

/** Once a process has written, none that wrote before it does again. */
function expectOneAtATime(log: string): void {
  const pids = linesOf(log).map((line) => line.split(' ')[0])
  const changes = pids.filter((pid, at) => at > 0 && pid !== pids[at - 1]).length
  expect(changes).toBe(new Set(pids).size - 1)
}

async function working(sandbox: Sandbox, server: Server): Promise<void> {
  await until('it works in the background', async () => {
    const found = await sandbox.snapshot(server).catch(() => undefined)
    return found?.background.length !== 0 && found?.background.every(({ state }) => state === 'working')
  })
}

describe('a program that works in the background', () => {
  test(
    'is one process at any time: over reloads, restarts, a rollback and a new manager',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, write, worksAfter } = await application(sandbox)
      await write('v0')
      await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      let { pid } = await worksAfter(undefined)
      for (let change = 1; change <= CHANGES; change += 1) {
        await write(`v${change}`)
        expect((await sandbox.run('reload', folder)).code).toBe(0)
        const next = await worksAfter(pid)
        expect(next.code).toBe(`v${change}`)
        pid = next.pid
      }
      expect((await sandbox.run('restart', folder)).code).toBe(0)
      pid = (await worksAfter(pid)).pid
      expect((await sandbox.run('rollback', folder)).code).toBe(0)
      const back = await worksAfter(pid)
      expect(back.code).toBe(`v${CHANGES - 1}`)
      await write('next')
      expect((await sandbox.run('reload', folder)).code).toBe(0)
      pid = (await worksAfter(back.pid)).pid
      expect((await sandbox.run('restart', '--manager', folder)).code).toBe(0)
      expect((await worksAfter(pid)).code).toBe('next')
      expect((await sandbox.run('stop', folder)).code).toBe(0)
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'that takes its time to end is waited for, while the new code serves already',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, write, worksAfter } = await application(sandbox)
      const end = join(sandbox.folder, 'end')
      await write('slow', endsWith(end))
      const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      const { pid } = await worksAfter(undefined)
      await write('quick')
      await Bun.write(join(folder, 'index.ts'), WEB.replace('web', 'new'))
      expect((await sandbox.run('reload', folder)).code).toBe(0)
      expect(await (await fetch(server.url)).text()).toBe('new')
      expect((await worksAfter(undefined)).pid).toBe(pid)
      await Bun.write(end, '')
      expect((await worksAfter(pid)).code).toBe('quick')
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is started again when it dies, and ends before its successor begins when the manager is killed',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, write, worksAfter } = await application(sandbox)
      const end = join(sandbox.folder, 'end')
      await write('v0', endsWith(end))
      const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      const first = await worksAfter(undefined)
      process.kill(Number(first.pid), 'SIGKILL')
      const second = await worksAfter(first.pid)
      const { background, restarts } = await sandbox.snapshot(server)
      expect(background).toMatchObject([
        { name: 'jobs', state: 'working', pid: Number(second.pid), restarts: 1, crashes: { count: 1 } },
      ])
      expect(restarts).toBe(1)
      process.kill(server.pid, 'SIGKILL')
      await server.exited()
      const again = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      expect(again.stderr).toContain(`jobs waits for process ${second.pid} of an earlier start to end`)
      expect((await worksAfter(undefined)).pid).toBe(second.pid)
      await Bun.write(end, '')
      await worksAfter(second.pid)
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'takes a release back when it cannot begin, or ends again and again',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, write, worksAfter } = await application(sandbox)
      await write('good')
      const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      const { pid } = await worksAfter(undefined)
      await Bun.write(join(folder, 'jobs.ts'), 'throw new Error("no database")\n')
      const broken = await sandbox.run('reload', '--wait', folder)
      expect(broken.code).toBe(8)
      expect(broken.stderr).toContain('no database')
      const back = await worksAfter(pid)
      expect(back.code).toBe('good')
      await Bun.write(join(folder, 'jobs.ts'), 'setTimeout(() => process.exit(7), 20)\n')
      const looping = await sandbox.run('reload', '--wait', folder)
      expect(looping.code).toBe(8)
      expect(looping.stderr).toContain('the background process jobs keeps ending, last with code 7')
      expect((await worksAfter(back.pid)).code).toBe('good')
      const { health, disk } = await sandbox.snapshot(server)
      expect({ health, by: disk?.verdict?.by }).toEqual({ health: 'ok', by: 'server' })
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'works in development, too: saved code that cannot begin gives way to the code before it',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, write, worksAfter } = await application(sandbox)
      await write('good')
      const server = await sandbox.start('dev', folder, '--port', '0', 'w:1')
      const { pid } = await worksAfter(undefined)
      await Bun.write(join(folder, 'jobs.ts'), 'throw new Error("no database")\n')
      const back = await worksAfter(pid)
      expect(back.code).toBe('good')
      expect(server.stderr).toContain('no database')
      await write('better')
      expect((await worksAfter(back.pid)).code).toBe('better')
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'whose code does not load is refused before the process that works is asked to leave',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, write, worksAfter } = await application(sandbox)
      await write('good')
      await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      const { pid } = await worksAfter(undefined)
      await Bun.write(join(folder, 'jobs.ts'), 'export const resume = () => {}\nthrow new Error("not yet")\n')
      expect((await sandbox.run('check', folder)).stderr).toContain('not yet')
      const refused = await sandbox.run('reload', folder)
      expect(refused.code).toBe(8)
      expect(refused.stderr).toContain('not yet')
      await write('checked')
      expect((await sandbox.run('check', folder)).code).toBe(0)
      expect(linesOf(log).at(-1)).toBe(`${pid} good`)
      await Bun.write(join(folder, 'jobs.ts'), 'const = 1\n')
      expect((await sandbox.run('reload', folder)).code).toBe(8)
      expect((await worksAfter(undefined)).pid).toBe(pid)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is shown, prefixed and restarted by its name',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, write, worksAfter } = await application(sandbox)
      await write('v0', 'console.log("hello from the background")')
      const server = await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      sandbox.startFolder = folder
      const { pid } = await worksAfter(undefined)
      const workers = (await sandbox.snapshot(server)).workers.map((worker) => worker.pid)
      expect(server.stdout).toContain('jobs | hello from the background')
      expect(server.stderr).toMatch(/background +jobs/)
      expect((await sandbox.run('status')).stdout).toMatch(new RegExp(`^jobs +${pid} +working`, 'm'))
      expect((await sandbox.run('ps')).stdout).toMatch(/ 1\/1 +1\/1 /)
      expect((await sandbox.run('restart', 'jobs')).code).toBe(0)
      await worksAfter(pid)
      const now = await sandbox.snapshot(server)
      expect(now.workers.map((worker) => worker.pid)).toEqual(workers)
      expect((await sandbox.run('restart', 'mail')).code).not.toBe(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is one of a list whose change is named by a reload, and takes a new manager',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, write, worksAfter } = await application(sandbox)
      await write('v0')
      await sandbox.start('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:1')
      await worksAfter(undefined)
      await Bun.write(join(folder, 'mail.ts'), 'setInterval(() => {}, 1_000)\n')
      await Bun.write(join(folder, 'package.json'), '{"rip":{"background":["jobs.ts","mail.ts"]}}')
      const pending = 'background: jobs → jobs, mail needs rip-server restart --manager'
      expect((await sandbox.run('reload', folder)).stdout).toContain(`configuration: ${pending}\n`)
      expect((await sandbox.run('status', folder)).stdout).toContain(pending)
      const shown = await sandbox.run('config', folder, '--sources')
      expect(shown.stdout).toMatch(/^background +jobs, mail +"rip\.background" in package\.json$/m)
      expect(shown.stderr).toMatch(/the running server has other values.*:\n(?:  .+\n)*  background +jobs\n/)
      const names = async (): Promise<readonly string[]> => {
        const { stdout } = await sandbox.run('status', '--json', folder)
        return (JSON.parse(stdout) as ManagerStatus).background.map(({ name }) => name)
      }
      expect(await names()).toEqual(['jobs'])
      expect((await sandbox.run('restart', '--manager', folder)).code).toBe(0)
      expect(await names()).toEqual(['jobs', 'mail'])
    },
    TEST_TIMEOUT_MS,
  )
})

describe('an application that only works in the background', () => {
  test(
    'needs no file that answers requests, and listens on no port',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, write, worksAfter } = await application(sandbox, { 'package.json': '{}' })
      await write('v0')
      const server = sandbox.launch('start', folder, '--background', join(folder, 'jobs.ts'))
      expect(await server.says('none: it only works in the background')).toContain('workers')
      const { pid } = await worksAfter(undefined)
      await write('v1')
      expect((await sandbox.run('reload', folder)).code).toBe(0)
      expect((await worksAfter(pid)).code).toBe('v1')
      expect(await sandbox.snapshot(server)).toMatchObject({ health: 'ok', wantedWorkers: 0, workers: [] })
      expect((await sandbox.run('scale', '2', folder)).stderr).toContain('no workers to scale')
      await rename(join(folder, 'jobs.ts'), join(folder, 'mails.ts'))
      const refused = await sandbox.run('reload', folder)
      expect(refused.code).toBe(5)
      expect(refused.stderr).toContain('and again by "rip-server restart --manager"')
      const stopped = await sandbox.run('stop', folder)
      expect(stopped.code).toBe(0)
      expect(stopped.stdout + stopped.stderr).toMatch(/has stopped\n$/)
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'does not start with code that cannot begin, and shows the place',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder } = await application(sandbox, {
        'jobs.ts': 'const a = 1\nthrow new Error("no queue")\n',
      })
      const { code, stderr } = await sandbox.run('start', folder)
      expect(code).toBe(4)
      expect(stderr).toContain('no queue')
      expect(stderr).toContain('> 2 | throw new Error')
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'may be a command, which is told to end and whose descendants end with it',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, worksAfter } = await application(sandbox, { 'package.json': '{}' })
      const command = `trap 'echo end >> ${log}.end; exit 0' TERM; while :; do echo "$$ v0" >> ${log}; sleep 0.05; done`
      const config = { background: [{ name: 'poll', command: `sleep 1000 & ${command}` }] }
      await Bun.write(join(folder, 'rip-server.config.ts'), `export default ${JSON.stringify(config)}\n`)
      const server = sandbox.launch('start', folder)
      const { pid } = await worksAfter(undefined)
      await working(sandbox, server)
      expect((await sandbox.run('restart', folder)).code).toBe(0)
      await worksAfter(pid)
      expect((await sandbox.run('stop', folder)).code).toBe(0)
      expect(linesOf(`${log}.end`)).toEqual(['end', 'end'])
      expect(await sandbox.timeUntilGone(5_000)).toBeLessThan(5_000)
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is started again when its work comes to an end by itself',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder, log, worksAfter } = await application(sandbox, {
        'jobs.ts': `for (let turn = 0; turn < 20; turn += 1) {
          process.getBuiltinModule('node:fs').appendFileSync('${join(sandbox.folder, 'log')}', process.pid + ' v0\\n')
          await Bun.sleep(5)
        }\n`,
      })
      const server = sandbox.launch('start', folder)
      const { pid } = await worksAfter(undefined)
      await worksAfter(pid)
      const { background } = await sandbox.snapshot(server)
      expect(background[0]?.crashes?.reason).toMatchObject({ kind: 'crashed', code: 0 })
      expectOneAtATime(log)
    },
    TEST_TIMEOUT_MS,
  )
})

describe('the examples of docs/several-processes.md', () => {
  test.each(['poller.ts', 'hooks.rip'])(
    'work in the background: %s',
    async (file) => {
      await using sandbox = await Sandbox.create()
      const code = markedBlock(await Bun.file(PAGE).text(), file).replace(/1_?000/, '10')
      const { folder } = await application(sandbox, { 'package.json': '{}', [file]: code })
      const server = sandbox.launch('start', folder, '--background', join(folder, file))
      const name = file.slice(0, file.indexOf('.'))
      await until('it works', () => server.stdout.includes(`${name} | looked\n`))
      expect((await sandbox.run('stop', folder)).code).toBe(0)
      await server.finished()
      const says = server.stdout.split('\n').filter((line) => line !== '')
      if (file === 'poller.ts') return
      expect(says[0]).toBe('hooks | prepared')
      expect(says.at(-1)).toBe('hooks | ended')
    },
    TEST_TIMEOUT_MS,
  )
})
