import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROGRAM, Sandbox, until } from '../server.ts'
import { instanceIn, Shell } from '../shell.ts'

setDefaultTimeout(60_000)

async function appFolder(sandbox: Sandbox): Promise<string> {
  const app = `export default async (request) => {
    console.log('a line of the application')
    if (request.url.endsWith('/slow')) await Bun.sleep(1500)
    return new Response('done')
  }`
  const folder = join(sandbox.folder, 'app')
  await mkdir(folder)
  await writeFile(join(folder, 'index.js'), app)
  return folder
}

async function isOver(sandbox: Sandbox): Promise<boolean> {
  return (await sandbox.processes()).length === 0
}

test('dev on a terminal whose size nobody told it writes whole lines, and the application writes in colour', async () => {
  await using sandbox = await Sandbox.create()
  const app = await appFolder(sandbox)
  await writeFile(join(app, 'index.js'), `console.log({ n: 1 }); export default () => new Response('served')`)
  const command = `stty cols 0 rows 0; exec env -u NO_COLOR TERM=xterm-256color ${PROGRAM} dev app 0 -w 1`
  await using shell = new Shell(sandbox, 'bash', '-c', command)
  await shell.served()
  await until('it has said how it is reached', () => shell.screen.includes('url'))
  expect(shell.screen).toMatch(/^ +url +http:/m)
  await until('the application has spoken', () => shell.screen.includes('\u001b[33m1'))
})

describe('when its terminal is closed', () => {
  test.each(['dev', 'start'])('%s ends, with all its processes', async (verb) => {
    await using sandbox = await Sandbox.create()
    await using shell = new Shell(sandbox, PROGRAM, verb, await appFolder(sandbox), '0', '-b', '127.0.0.1')
    await shell.served()
    shell.close()
    await until('no process is left', () => isOver(sandbox))
    expect(instanceIn(sandbox)).toBeUndefined()
  })

  test.each([
    ['the output of start goes elsewhere', 'exec PROGRAM start app 0 -b 127.0.0.1 >log 2>&1'],
    ['nohup starts it', 'exec nohup PROGRAM start app 0 -b 127.0.0.1'],
    ['nohup starts dev', 'exec nohup PROGRAM dev app 0'],
  ])('a server goes on where %s, and reloads nothing', async (_, command) => {
    await using sandbox = await Sandbox.create()
    const app = await appFolder(sandbox)
    await using shell = new Shell(sandbox, 'bash', '-c', command.replace('PROGRAM', PROGRAM))
    const before = await shell.served()
    const pid = shell.pid!
    if (!command.includes('dev')) await writeFile(join(app, 'index.js'), 'unfinished (')
    shell.close()
    await until('the terminal is gone', async () => (await terminalOf(pid)) === 0)
    // It cannot be observed from outside that a signal arrived and was ignored.
    await Bun.sleep(300)
    expect(await shell.snapshot()).toMatchObject({ generation: before.generation, lastRefusal: null })
    process.kill(pid, 'SIGTERM')
    await until('no process is left', () => isOver(sandbox))
  })

  test('dev notices without a signal, by its failing output', async () => {
    await using sandbox = await Sandbox.create()
    const app = await appFolder(sandbox)
    // The hang-up reaches only the session of the terminal.
    const command = `setsid --fork ${PROGRAM} dev ${app} 0 -b 127.0.0.1; cat`
    await using shell = new Shell(sandbox, 'bash', '-c', command)
    await shell.served()
    const { url } = shell
    shell.close()
    await until('no process is left', async () => {
      await fetch(url).catch(() => {})
      return isOver(sandbox)
    })
  })
})

test('a SIGHUP that an operator sends to a server in a terminal reloads', async () => {
  await using sandbox = await Sandbox.create()
  const app = await appFolder(sandbox)
  await using shell = new Shell(sandbox, PROGRAM, 'start', app, '0', '-b', '127.0.0.1')
  const { generation } = await shell.served()
  await writeFile(join(app, 'index.js'), `export default () => new Response('new')`)
  process.kill(shell.pid!, 'SIGHUP')
  await until('it was reloaded', async () => (await shell.snapshot())?.generation !== generation)
})

test('Ctrl-C in a terminal lets requests under way finish', async () => {
  await using sandbox = await Sandbox.create()
  const app = await appFolder(sandbox)
  await using shell = new Shell(sandbox, PROGRAM, 'start', app, '0', '-b', '127.0.0.1')
  await shell.served()
  const { url } = shell
  const answers = Array.from({ length: 4 }, async () => (await fetch(`${url}/slow`)).text())
  await until('requests are under way', () => shell.screen.split('a line of the application').length === 5)
  shell.type('\x03')
  expect(await Promise.all(answers)).toEqual(['done', 'done', 'done', 'done'])
  expect(await shell.exited).toBe(0)
})

describe('in the background of a terminal that stops writing processes (stty tostop)', () => {
  test('the server writes, keeps its workers, can be reached, and handles signals of an operator', async () => {
    await using sandbox = await Sandbox.create()
    await appFolder(sandbox)
    await using shell = new Shell(sandbox)
    shell.type(`${PROGRAM} start app 0 -b 127.0.0.1 w:3 &\n`)
    await shell.served()
    shell.type('stty tostop\n')
    shell.type('echo $((41 + 1))\n')
    await until('the terminal is set', () => shell.screen.includes('42'))
    const { url } = shell
    const lines = (): number => shell.screen.split('a line of the application').length - 1
    for (let n = 1; n <= 5; n += 1) {
      expect(await (await fetch(url)).text()).toBe('done')
      await until('the line is on the screen', () => lines() === n)
    }
    expect((await shell.snapshot())?.wantedWorkers).toBe(3)
    process.kill(shell.pid!, 'SIGTTOU')
    await until('there is one less', async () => (await shell.snapshot())?.wantedWorkers === 2)
    process.kill(shell.pid!, 'SIGTTIN')
    await until('there is one more', async () => (await shell.snapshot())?.wantedWorkers === 3)
    process.kill(shell.pid!, 'SIGTERM')
    await until('no server is left', () => shell.pid === undefined)
  })

  test('no worker is lost when another program of the job is stopped', async () => {
    await using sandbox = await Sandbox.create()
    await appFolder(sandbox)
    await using shell = new Shell(sandbox)
    shell.type('stty tostop\n')
    shell.type('echo $((41 + 1))\n')
    await until('the terminal is set', () => shell.screen.includes('42'))
    shell.type(`${PROGRAM} start app 0 -b 127.0.0.1 w:3 2>&1 | cat &\n`)
    await shell.served()
    const group = await groupOf(shell.pid!)
    const { url } = shell
    await until('the terminal stops the other program', async () => {
      // The application writes a line for each request.
      await fetch(url)
      return hasStopped(group)
    })
    // It cannot be observed from outside that a signal arrived and was ignored.
    await Bun.sleep(300)
    expect((await shell.snapshot())?.wantedWorkers).toBe(3)
    process.kill(shell.pid!, 'SIGTERM')
    await until('no server is left', () => shell.pid === undefined)
  })
})

/** Whether a process of a group is stopped. */
async function hasStopped(group: number): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return stats.some((stat) => {
    const [state, , member] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'T' && Number(member) === group
  })
}

/** Fields 5 and 7 of `/proc/PID/stat`. */
async function groupOf(pid: number): Promise<number> {
  return (await statOf(pid))[2]!
}

async function terminalOf(pid: number): Promise<number> {
  return (await statOf(pid))[4]!
}

async function statOf(pid: number): Promise<number[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
}
