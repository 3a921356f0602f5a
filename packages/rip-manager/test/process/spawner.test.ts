import { expect, spyOn, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { STUCK_HEADING, STUCK_SIGNAL } from '@rip/worker/protocol'
import { isAlive, until } from '@rip/testing'
import { createSpawner, type ProcessSpawner, type SpawnerOptions } from '../../src/process/spawner.ts'
import type { ChildLine } from '../../src/process/supervised-child.ts'
import type { ProcessSpec } from '../../src/contract/ports.ts'
import { temporaryFolder } from '../real.ts'

const env = { PATH: process.env['PATH'] ?? '' }

function shell(script: string, extra: Partial<ProcessSpec> = {}): ProcessSpec {
  return { name: 'w1', command: ['sh', '-c', script], cwd: '/', env, ...extra }
}

function silentSpawner(options: SpawnerOptions = {}): { spawner: ProcessSpawner; lines: ChildLine[] } {
  const lines: ChildLine[] = []
  const quiet = { stdout: new PassThrough().resume(), stderr: new PassThrough().resume() }
  return { spawner: createSpawner({ ...quiet, onLine: (line) => lines.push(line), ...options }), lines }
}

test('reports the exit code', async () => {
  const { spawner } = silentSpawner()
  await using _ = spawner
  expect(await spawner.spawn(shell('exit 7')).exited).toEqual({ code: 7, signal: null, oom: false })
})

test('reports the signal', async () => {
  const { spawner } = silentSpawner()
  await using _ = spawner
  const child = spawner.spawn(shell('kill -SEGV $$'))
  expect(await child.exited).toMatchObject({ code: null, signal: 'SIGSEGV' })
})

test('a child leads its own process group and session', async () => {
  const { spawner, lines } = silentSpawner()
  await using _ = spawner
  const child = spawner.spawn(shell('cat /proc/$$/stat; cat'))
  const stat = await until('its stat line', () => lines[0]?.text)
  const [, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  expect([Number(group), Number(session)]).toEqual([child.pid, child.pid])
})

test('gives the child the stated environment and nothing else', async () => {
  const { spawner, lines } = silentSpawner()
  await using _ = spawner
  await spawner.spawn({ name: 'w1', command: ['/usr/bin/env'], cwd: '/', env: { ONLY: 'this' } }).exited
  expect(lines.map((line) => line.text)).toEqual(['ONLY=this'])
})

test('a signal reaches the whole group', async () => {
  const { spawner, lines } = silentSpawner()
  await using _ = spawner
  const child = spawner.spawn(shell('sleep 1000 & echo $!; wait'))
  const grandchild = Number(await until('the pid of the grandchild', () => lines[0]?.text))
  child.signal('SIGTERM')
  expect(await child.exited).toMatchObject({ signal: 'SIGTERM' })
  await until('the grandchild to end', () => !isAlive(grandchild))
})

test('a stuck process alone is asked, again and again, and only its answer is kept', async () => {
  const { spawner, lines } = silentSpawner()
  await using _ = spawner
  // Answers the second question. A shell runs a trap only after the current command has ended.
  const answer = `[ -n "$asked" ] && echo "${STUCK_HEADING}
    at burn (a.ts:3:5)" >&2 && echo "oh no" >&2 && exit 3; asked=1`
  const script = `sleep 1000 & echo $!; trap '${answer}' XCPU; echo before >&2; while :; do sleep 0.01; done`
  const child = spawner.spawn(shell(script))
  await until('both to run', () => lines.length === 2)
  const grandchild = Number(lines.find(({ stream }) => stream === 'stdout')?.text)
  child.signal(STUCK_SIGNAL)
  const stillThere = isAlive(grandchild)
  expect(await child.exited).toMatchObject({ code: 3 })
  expect(stillThere).toBe(true)
  const seen = lines.filter(({ stream }) => stream === 'stderr').map(({ text }) => text)
  expect(seen).toEqual(['before', STUCK_HEADING, '    at burn (a.ts:3:5)'])
  expect(child.stderrTail()).not.toContain('oh no')
})

test('a grandchild that ignores SIGTERM is gone after the child exited', async () => {
  const { spawner, lines } = silentSpawner()
  await using _ = spawner
  const child = spawner.spawn(shell('(trap "" TERM; while :; do sleep 0.1; done) & echo $!; exec cat'))
  const grandchild = Number(await until('the pid of the grandchild', () => lines[0]?.text))
  child.signal('SIGTERM')
  await child.exited
  await until('the grandchild to end', () => !isAlive(grandchild))
})

test('a descendant in another session cannot delay the report of an exit', async () => {
  const { spawner, lines } = silentSpawner()
  await using _ = spawner
  const child = spawner.spawn(shell(`setsid sh -c 'echo $$; exec sleep 1000' & exec cat`))
  const escaped = Number(await until('the pid of the escaped process', () => lines[0]?.text))
  child.signal('SIGTERM')
  expect(await child.exited).toMatchObject({ signal: 'SIGTERM' })
  expect(isAlive(escaped)).toBe(true)
  process.kill(escaped, 'SIGKILL')
})

test('signalling a child that was reaped does nothing', async () => {
  const { spawner } = silentSpawner()
  await using _ = spawner
  const child = spawner.spawn(shell('exit 0'))
  await child.exited
  const kill = spyOn(process, 'kill')
  try {
    child.signal('SIGKILL')
    expect(kill).not.toHaveBeenCalled()
  } finally {
    kill.mockRestore()
  }
})

test('standard input ends when the supervisor is killed, for each of its children', async () => {
  await using folder = await temporaryFolder()
  const script = `
    import { createSpawner } from ${JSON.stringify(new URL('../../src/process/spawner.ts', import.meta.url).pathname)}
    const spawner = createSpawner()
    const command = ['sh', '-c', 'echo $$ >> ${folder.at('pids')}; cat; echo $$ >> ${folder.at('ended')}']
    for (const name of ['w1', 'w2', 'w3']) spawner.spawn({ name, command, cwd: '/', env: { PATH: process.env.PATH } })
    Bun.gc(true)
  `
  await Bun.write(folder.at('supervisor.ts'), script)
  const supervisor = Bun.spawn([process.execPath, folder.at('supervisor.ts')], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const entries = async (name: string): Promise<readonly string[]> =>
    (await Bun.file(folder.at(name)).exists())
      ? readFileSync(folder.at(name), 'utf8').trim().split('\n').toSorted()
      : []
  await until('three children', async () => (await entries('pids')).length === 3)
  expect(await entries('ended')).toEqual([])
  supervisor.kill('SIGKILL')
  await until('three ended children', async () => (await entries('ended')).length === 3)
  expect(await entries('ended')).toEqual(await entries('pids'))
})

test('hands down descriptors from 3 on, in order', async () => {
  await using folder = await temporaryFolder()
  await Bun.write(folder.at('a'), 'first')
  await Bun.write(folder.at('b'), 'second')
  const { openSync, closeSync } = await import('node:fs')
  const inheritFds = [openSync(folder.at('a'), 'r'), openSync(folder.at('b'), 'r')]
  const { spawner, lines } = silentSpawner()
  await using _ = spawner
  await spawner.spawn(shell('cat <&3; echo; cat <&4', { inheritFds })).exited
  expect(lines.map((line) => line.text)).toEqual(['first', 'second'])
  for (const fd of inheritFds) closeSync(fd)
})

test('prints whole lines with the name before each, however children interleave', async () => {
  const stdout = new PassThrough()
  const { spawner } = silentSpawner({ stdout })
  const printed = new Response(stdout as unknown as ReadableStream).text()
  const script = (letter: string): string =>
    `i=0; while [ $i -lt 50 ]; do printf ${letter}${letter}; printf "${letter}%s\\n" $i; i=$((i+1)); done`
  const children = ['x', 'y', 'z'].map((letter) => spawner.spawn(shell(script(letter), { name: letter })))
  await Promise.all(children.map((child) => child.exited))
  await spawner.close()
  stdout.end()
  const lines = (await printed).trimEnd().split('\n')
  expect(lines).toHaveLength(150)
  for (const line of lines) expect(line).toMatch(/^([xyz]) \| \1{3}\d+$/)
})

test('colours the name when asked', async () => {
  const stdout = new PassThrough()
  const { spawner } = silentSpawner({ stdout, color: true })
  const printed = new Response(stdout as unknown as ReadableStream).text()
  await spawner.spawn(shell('echo hi')).exited
  await spawner.close()
  stdout.end()
  // oxlint-disable-next-line no-control-regex -- the escape sequence is what is tested
  expect(await printed).toMatch(/^\x1b\[\d+mw1 \|\x1b\[\d+m hi\n$/)
})

test('keeps the last 64 KiB of standard error', async () => {
  const { spawner } = silentSpawner()
  await using _ = spawner
  const child = spawner.spawn(
    shell('i=0; while [ $i -lt 3000 ]; do echo "line $i of the many lines it writes" >&2; i=$((i+1)); done'),
  )
  await child.exited
  const tail = child.stderrTail()
  expect(tail.length).toBeLessThanOrEqual(65_536)
  expect(tail.length).toBeGreaterThan(60_000)
  expect(tail).toEndWith('line 2999 of the many lines it writes\n')
  expect(tail).toStartWith('line ')
})

test('names what cannot be started, and why', () => {
  const { spawner } = silentSpawner()
  const spec: ProcessSpec = { name: 'w2', command: ['/no/such/program', 'x'], cwd: '/', env }
  expect(() => spawner.spawn(spec)).toThrow(
    expect.objectContaining({
      code: 'SPAWN_FAILED',
      message: expect.stringContaining('cannot start w2 (/no/such/program x): ENOENT'),
    }),
  )
})

test('an out-of-memory kill is reported as such, our own kill is not', async () => {
  let kills = 0
  const { createOomWatch } = await import('../../src/process/oom.ts')
  const { spawner } = silentSpawner({ oom: createOomWatch({ read: () => ({ machine: kills }) }) })
  await using _ = spawner
  kills = 1
  expect(await spawner.spawn(shell('kill -KILL $$')).exited).toEqual({
    code: null,
    signal: 'SIGKILL',
    oom: true,
  })
  expect(await spawner.spawn(shell('kill -KILL $$')).exited).toMatchObject({ oom: false })
  kills = 2
  const child = spawner.spawn(shell('cat'))
  child.signal('SIGKILL')
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL', oom: false })
})

test('close kills processes that still run', async () => {
  const { spawner } = silentSpawner()
  const child = spawner.spawn(shell('trap "" TERM; while :; do sleep 1; done'))
  await spawner.close()
  expect(isAlive(child.pid)).toBe(false)
  expect(spawner.close()).toBe(spawner.close())
})

test('prints a routed line when it is told to, and not before', async () => {
  const stdout = new PassThrough()
  const held: { readonly pid: number; readonly text: string; readonly print: () => void }[] = []
  const { spawner } = silentSpawner({
    stdout,
    route: ({ text }, { pid, print }) => held.push({ pid, text, print }),
  })
  await using _ = spawner
  const child = spawner.spawn(shell('echo dropped; echo printed'))
  await child.exited
  expect(held.map(({ pid, text }) => [pid, text])).toEqual([
    [child.pid, 'dropped'],
    [child.pid, 'printed'],
  ])
  expect(stdout.read()).toBeNull()
  held[1]!.print()
  expect(String(stdout.read())).toBe('w1 | printed\n')
})

test('a hundred children later as many descriptors are open as before', async () => {
  const { spawner } = silentSpawner()
  await using _ = spawner
  const rounds = async (count: number): Promise<number> => {
    for (let round = 0; round < count; round += 1) {
      const children = Array.from({ length: 5 }, () => spawner.spawn(shell('echo out; echo err >&2; exit 1')))
      await Promise.all(children.map((child) => child.exited))
    }
    Bun.gc(true)
    return readdirSync('/proc/self/fd').length
  }
  const before = await rounds(4)
  await rounds(20)
  await until('descriptors to be closed', async () => (await rounds(0)) <= before)
})
