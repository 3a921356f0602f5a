import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { findInstances, readInstance } from '../../src/run-dir/instance.ts'
import { type Environment, locateRunDir } from '../../src/run-dir/locate.ts'
import { openRunDir } from '../../src/run-dir/open-run-dir.ts'
import type { RunDir } from '../../src/run-dir/run-dir.ts'
import { isListening } from '../../src/socket/listening.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'
import { failureOf } from '@rip/testing'

const source = (name: string): string =>
  JSON.stringify(new URL(`../../src/${name}.ts`, import.meta.url).pathname)
const envOf = (folder: TemporaryFolder): Environment => ({ XDG_RUNTIME_DIR: folder.path })
const state = { name: 'shop', root: '/srv/shop', startedAtMs: 1 }

describe('opening', () => {
  test('makes it private', async () => {
    await using folder = await temporaryFolder()
    const { path } = locateRunDir({ root: '/srv/shop' }, envOf(folder))
    await using runDir = await openRunDir({ root: '/srv/shop', env: envOf(folder) })
    expect(runDir.path).toBe(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
  })

  test.each([0o777, 0o1777, 0o770, 0o2775])(
    'refuses a folder that others can write to (%o), and does not change it',
    async (mode) => {
      await using folder = await temporaryFolder()
      mkdirSync(folder.at('run'))
      chmodSync(folder.at('run'), mode)
      const opening = openRunDir({ root: '/', runDir: folder.at('run'), env: envOf(folder) })
      expect(await failureOf(opening)).toMatchObject({
        code: 'RUN_DIR_UNSAFE',
        message: expect.stringContaining('others can write to it'),
      })
      expect(statSync(folder.at('run')).mode & 0o7777).toBe(mode)
      expect(readdirSync(folder.at('run'))).toEqual([])
    },
  )

  test('leaves the mode of a folder that others can only read', async () => {
    await using folder = await temporaryFolder()
    mkdirSync(folder.at('run'))
    chmodSync(folder.at('run'), 0o755)
    await using runDir = await openRunDir({ root: '/', runDir: folder.at('run'), env: envOf(folder) })
    runDir.publish(state)
    expect(statSync(runDir.path).mode & 0o777).toBe(0o755)
    for (const name of ['lock', 'state.json'])
      expect(statSync(join(runDir.path, name)).mode & 0o777).toBe(0o600)
  })

  test('refuses a folder below one where everybody can rename it', async () => {
    await using folder = await temporaryFolder()
    mkdirSync(folder.at('shared'))
    chmodSync(folder.at('shared'), 0o777)
    const opening = openRunDir({ root: '/', runDir: folder.at('shared', 'run'), env: envOf(folder) })
    expect(await failureOf(opening)).toMatchObject({ code: 'RUN_DIR_UNSAFE' })
    expect(readdirSync(folder.at('shared'))).toEqual([])
  })

  test.each(['lock', 'state.json'])('follows no link in the place of %s', async (name) => {
    await using folder = await temporaryFolder()
    writeFileSync(folder.at('precious'), 'precious')
    mkdirSync(folder.at('run'))
    if (name !== 'lock') writeFileSync(folder.at('run', 'lock'), '')
    symlinkSync(folder.at('precious'), folder.at('run', name))
    const opening = openRunDir({ root: '/', runDir: folder.at('run'), env: envOf(folder) })
    const outcome = await opening.then(
      async (runDir) => {
        runDir.publish(state)
        await runDir.close()
        return 'replaced'
      },
      (error: { code: string }) => error.code,
    )
    expect(outcome).toBe(name === 'lock' ? 'RUN_DIR_UNUSABLE' : 'replaced')
    expect(await Bun.file(folder.at('precious')).text()).toBe('precious')
  })

  test('refuses a symbolic link', async () => {
    await using folder = await temporaryFolder()
    const { base, path } = locateRunDir({ root: '/srv/shop' }, envOf(folder))
    mkdirSync(base, { recursive: true })
    mkdirSync(folder.at('elsewhere'))
    symlinkSync(folder.at('elsewhere'), path)
    expect(await failureOf(openRunDir({ root: '/srv/shop', env: envOf(folder) }))).toMatchObject({
      code: 'RUN_DIR_UNSAFE',
      message: expect.stringContaining('symbolic link'),
    })
    expect(readdirSync(folder.at('elsewhere'))).toEqual([])
  })

  test('refuses a file', async () => {
    await using folder = await temporaryFolder()
    writeFileSync(folder.at('rip-server'), '')
    expect(await failureOf(openRunDir({ root: '/', env: envOf(folder) }))).toMatchObject({
      code: 'RUN_DIR_UNSAFE',
    })
  })

  test.skipIf(process.getuid?.() !== 0)(
    "refuses another user's folder (needs root to make one)",
    async () => {
      await using folder = await temporaryFolder()
      mkdirSync(folder.at('rip-server'))
      chownSync(folder.at('rip-server'), 65_534, 65_534)
      expect(await failureOf(openRunDir({ root: '/', env: envOf(folder) }))).toMatchObject({
        code: 'RUN_DIR_UNSAFE',
        message: expect.stringContaining('belongs to user 65534'),
      })
    },
  )

  test('a second instance is told the pid of the first, which is not disturbed', async () => {
    await using folder = await temporaryFolder()
    const options = { root: '/srv/shop', env: envOf(folder) }
    await using first = await openRunDir(options)
    first.publish(state)
    const failure = await failureOf(openRunDir(options))
    expect(failure).toMatchObject({ code: 'ALREADY_RUNNING', detail: { pid: process.pid } })
    expect(String(failure)).toContain(`as process ${process.pid}`)
    expect(String(failure)).toContain('new code needs no second start: "rip-server reload"')
    expect(readInstance(first.path)?.pid).toBe(process.pid)
  })

  test('a run directory too long for sockets works through a short alias', async () => {
    await using folder = await temporaryFolder()
    const runDir = await openRunDir({ root: '/', runDir: folder.at('x'.repeat(200)), env: envOf(folder) })
    const socket = runDir.socketPath(1, 1)
    expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(103)
    const listener = Bun.listen({ unix: socket, socket: { data() {} } })
    expect(readdirSync(folder.at('x'.repeat(200)))).toContain(basename(socket))
    expect(await isListening(socket)).toBe(true)
    listener.stop(true)
    await runDir.close()
    expect(readdirSync(folder.at('rip-server'))).toEqual([])
    expect(existsSync(folder.at('x'.repeat(200)))).toBe(false)
  })

  test('a chosen run directory keeps files that were put into it later', async () => {
    await using folder = await temporaryFolder()
    const runDir = await openRunDir({ root: '/', runDir: folder.at('run'), env: envOf(folder) })
    for (const name of ['precious', 'redis.sock']) writeFileSync(folder.at('run', name), 'data')
    await runDir.close()
    expect(readdirSync(folder.at('run')).toSorted()).toEqual(['precious', 'redis.sock'])
  })

  test.each(['log', 'snapshots', 'redis.sock', '.git'])(
    'a chosen folder with a %s of another user is refused',
    async (name) => {
      await using folder = await temporaryFolder()
      mkdirSync(folder.at('run', name), { recursive: true })
      const opening = openRunDir({ root: '/', runDir: folder.at('run'), env: envOf(folder) })
      expect(await failureOf(opening)).toMatchObject({ code: 'RUN_DIR_UNSAFE' })
      expect(readdirSync(folder.at('run'))).toEqual([name])
    },
  )

  test('a successor that is given up keeps the link to a chosen run directory', async () => {
    await using folder = await temporaryFolder()
    const options = { root: '/', runDir: folder.at('elsewhere'), env: envOf(folder) }
    await using runDir = await openRunDir(options)
    runDir.publish(state)
    runDir.handOver()
    const successor = await openRunDir({ ...options, succeeds: true })
    await successor.close()
    runDir.takeBack()
    expect(findInstances(envOf(folder))).toHaveLength(1)
  })
})

test.each(['openRunDir', 'publish'])('an error of the system names the folder: %s', async (what) => {
  await using folder = await temporaryFolder()
  const runDir = folder.at('run')
  const fail = async (): Promise<unknown> => {
    if (what === 'openRunDir') {
      mkdirSync(join(runDir, 'lock'), { recursive: true, mode: 0o700 })
      return openRunDir({ root: '/srv/shop', runDir, env: envOf(folder) })
    }
    await using opened = await openRunDir({ root: '/srv/shop', runDir, env: envOf(folder) })
    mkdirSync(join(runDir, 'state.json'))
    try {
      return opened.publish(state)
    } finally {
      rmSync(join(runDir, 'state.json'), { recursive: true })
    }
  }
  expect(await failureOf(fail())).toMatchObject({
    code: 'RUN_DIR_UNUSABLE',
    message: expect.stringMatching(/^cannot use the run directory \/.*run: EISDIR/),
  })
})

describe('sockets', () => {
  test('have names that are never used twice', async () => {
    await using folder = await temporaryFolder()
    await using runDir = await openRunDir({ root: '/', env: envOf(folder) })
    const paths = Array.from({ length: 1_000 }, () => runDir.socketPath(3, 7))
    expect(new Set(paths).size).toBe(1_000)
    for (const path of paths) expect(path).toMatch(/\/w3\.7-[\w-]{8}\.sock$/)
  })

  test('of a worker that was killed are removed, and no others', async () => {
    await using folder = await temporaryFolder()
    await using runDir = await openRunDir({ root: '/srv/shop', env: envOf(folder) })
    const [gone, other] = [runDir.socketPath(1, 1), runDir.socketPath(2, 1)]
    const endings = ['', '.left', '.cmd']
    for (const path of [gone, other]) for (const ending of endings) writeFileSync(path + ending, '')
    runDir.dropSocket(gone)
    runDir.dropSocket(gone)
    expect(endings.map((ending) => existsSync(gone + ending))).toEqual([false, false, false])
    expect(endings.map((ending) => existsSync(other + ending))).toEqual([true, true, true])
  })

  test('of a killed predecessor are removed, unless a process still listens on them', async () => {
    await using folder = await temporaryFolder()
    const options = JSON.stringify({ root: '/srv/shop', env: envOf(folder) })
    const predecessor = Bun.spawn(
      [
        process.execPath,
        '-e',
        `
        const { openRunDir } = await import(${source('run-dir/open-run-dir')})
        const runDir = await openRunDir(${options})
        runDir.publish(${JSON.stringify(state)})
        Bun.listen({ unix: runDir.socketPath(1, 1), socket: { data() {} } })
        Bun.listen({ unix: runDir.controlPath, socket: { data() {} } })
        console.log(runDir.socketPath(2, 1))
        setInterval(() => {}, 1e6)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const line = await predecessor.stdout.getReader().read()
    const orphan = new TextDecoder().decode(line.value).trim()
    const worker = Bun.listen({ unix: orphan, socket: { data() {} } })
    predecessor.kill('SIGKILL')
    await predecessor.exited

    await using runDir = await openRunDir({ root: '/srv/shop', env: envOf(folder) })
    expect(readdirSync(runDir.path).filter((name) => name.endsWith('.sock'))).toEqual([basename(orphan)])
    expect(readInstance(runDir.path)).toBeUndefined()
    worker.stop(true)
  })
})

test('a folder that was removed is made again, with lock, alias and state', async () => {
  await using folder = await temporaryFolder()
  const options = { root: '/', runDir: folder.at('run'), env: envOf(folder) }
  await using runDir = await openRunDir(options)
  runDir.publish(state)
  rmSync(runDir.path, { recursive: true })
  rmSync(folder.at('rip-server'), { recursive: true })
  const socket = runDir.socketPath(1, 2)
  const listener = Bun.listen({ unix: socket, socket: { data() {} } })
  expect(statSync(runDir.path).mode & 0o777).toBe(0o700)
  expect(findInstances(envOf(folder)).map(({ name }) => name)).toEqual(['shop'])
  expect(await failureOf(openRunDir(options))).toMatchObject({ code: 'ALREADY_RUNNING' })
  listener.stop(true)
})

test('a folder that was removed and cannot be made again as it was is told once, and made when that is possible', async () => {
  await using folder = await temporaryFolder()
  const told: string[] = []
  const onWarning = (message: string): void => void told.push(message)
  const options = { root: '/', runDir: folder.at('run'), env: envOf(folder), onWarning }
  await using runDir = await openRunDir(options)
  runDir.publish(state)
  rmSync(runDir.path, { recursive: true })
  mkdirSync(join(runDir.path, 'state.json', 'in the way'), { recursive: true, mode: 0o700 })
  for (let n = 1; n <= 3; n++) runDir.socketPath(1, n)
  expect(told).toEqual([
    expect.stringMatching(/run was removed, and cannot be made again: .*commands do not find/),
  ])
  rmSync(join(runDir.path, 'state.json'), { recursive: true })
  runDir.socketPath(1, 4)
  expect(findInstances(envOf(folder)).map(({ name }) => name)).toEqual(['shop'])
  expect(told).toHaveLength(1)
})

describe('closing', () => {
  test('removes everything, once', async () => {
    await using folder = await temporaryFolder()
    const runDir = await openRunDir({ root: '/', env: envOf(folder) })
    runDir.publish(state)
    writeFileSync(runDir.socketPath(1, 1), '')
    const closing = runDir.close()
    expect(runDir.close()).toBe(closing)
    await closing
    expect(readdirSync(folder.at('rip-server'))).toEqual([])
  })

  test('leaves files of a successor alone', async () => {
    await using folder = await temporaryFolder()
    const runDir = await openRunDir({ root: '/', env: envOf(folder) })
    rmSync(runDir.path, { recursive: true })
    await using successor = await openRunDir({ root: '/', env: envOf(folder) })
    successor.publish(state)
    await runDir.close()
    expect(readInstance(successor.path)).toMatchObject(state)
  })

  test('is no error when the folder was removed', async () => {
    await using folder = await temporaryFolder()
    const runDir = await openRunDir({ root: '/', env: envOf(folder) })
    rmSync(runDir.path, { recursive: true })
    await runDir.close()
  })
})

test('of many instances that start at the same instant exactly one wins, each time', async () => {
  await using folder = await temporaryFolder()
  const contender = `
    const { openRunDir } = await import(${source('run-dir/open-run-dir')})
    const options = { root: '/srv/shop', env: { XDG_RUNTIME_DIR: ${JSON.stringify(folder.path)} } }
    let held
    for await (const command of console) {
      if (command === 'go') held = await openRunDir(options).catch((error) => error)
      else await held.close?.()
      console.log(held.code ?? command)
    }`
  const contenders = Array.from({ length: 3 }, () =>
    Bun.spawn([process.execPath, '-e', contender], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  const answers = contenders.map((child) => child.stdout.getReader())
  const all = async (command: string): Promise<readonly string[]> => {
    for (const child of contenders) {
      void child.stdin.write(`${command}\n`)
      void child.stdin.flush()
    }
    const chunks = await Promise.all(answers.map((reader) => reader.read()))
    return chunks.map(({ value }) => new TextDecoder().decode(value).trim()).toSorted()
  }
  for (let round = 0; round < 50; round += 1) {
    expect(await all('go')).toEqual(['ALREADY_RUNNING', 'ALREADY_RUNNING', 'go'])
    expect(await all('release')).toEqual(['ALREADY_RUNNING', 'ALREADY_RUNNING', 'release'])
  }
  for (const child of contenders) child.kill('SIGKILL')
})

describe('a successor', () => {
  test('has the folder as well, with sockets of other names', async () => {
    await using folder = await temporaryFolder()
    await using before = await openRunDir({ root: '/srv/shop', env: envOf(folder) })
    before.publish(state)
    before.handOver()
    await using after = await openRunDir({ root: '/srv/shop', env: envOf(folder), succeeds: true })
    expect(after.path).toBe(before.path)
    const names = (dir: RunDir): string[] => [dir.controlPath, dir.linksPath, dir.adminPath]
    expect(new Set([...names(before), ...names(after)]).size).toBe(6)
  })

  test('that does not get to serve leaves everything as it was, to be taken back', async () => {
    await using folder = await temporaryFolder()
    await using before = await openRunDir({ root: '/srv/shop', env: envOf(folder) })
    using _listener = Bun.listen({ unix: before.controlPath, socket: { data() {} } })
    before.publish(state)
    before.handOver()
    const after = await openRunDir({ root: '/srv/shop', env: envOf(folder), succeeds: true })
    await after.close()
    before.takeBack()
    expect(await isListening(before.controlPath)).toBe(true)
    expect(readInstance(before.path)).toMatchObject({ name: 'shop', control: before.controlPath })
    expect(await failureOf(openRunDir({ root: '/srv/shop', env: envOf(folder) }))).toMatchObject({
      code: 'ALREADY_RUNNING',
    })
  })

  test('takes over the well-known names, and its predecessor does not remove them', async () => {
    await using folder = await temporaryFolder()
    const before = await openRunDir({ root: '/srv/shop', env: envOf(folder) })
    before.handOver()
    await using after = await openRunDir({ root: '/srv/shop', env: envOf(folder), succeeds: true })
    using _listener = Bun.listen({ unix: after.adminPath, socket: { data() {} } })
    after.publish(state)
    await before.close()
    after.inheritNames()
    expect(await isListening(join(after.path, 'admin.sock'))).toBe(true)
    expect(readInstance(after.path)?.control).toBe(after.controlPath)
  })
})
