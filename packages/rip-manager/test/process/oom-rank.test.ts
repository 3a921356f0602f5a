import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { PassThrough } from 'node:stream'
import { until } from '@rip/testing'
import type { OomRank, ProcessSpec } from '../../src/contract/ports.ts'
import { createSpawner, type ProcessSpawner } from '../../src/process/spawner.ts'
import { withDescendants } from '../../src/system/descendants.ts'
import { readFootprint } from '../../src/system/footprint.ts'
import { readMemory } from '../../src/system/memory.ts'
import { oomRise } from '../../src/system/oom-score.ts'

const onLinux = test.skipIf(process.platform !== 'linux')

function silentSpawner(): ProcessSpawner {
  return createSpawner({ stdout: new PassThrough().resume(), stderr: new PassThrough().resume() })
}

const env = { PATH: process.env['PATH'] ?? '' }
const own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8'))
const memoryBytes = readMemory()?.limit?.bytes ?? totalmem()
const risen = (rank: OomRank): number => Math.min(1_000, own + oomRise(rank, memoryBytes))

function shell(script: string, extra: Partial<ProcessSpec> = {}): ProcessSpec {
  return { name: 'w1', command: ['sh', '-c', script], cwd: '/', env, ...extra }
}

function scoreOf(pid: number | 'self'): number {
  return Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'))
}

const family = (pid: number, size: number): Promise<readonly number[]> =>
  until(`${size} processes run`, () => {
    const all = withDescendants(pid)
    return all.length === size ? all : undefined
  })

test.each([
  { memoryMib: 40, serving: 800, expendable: 1_000 },
  { memoryMib: 85, serving: 800, expendable: 1_000 },
  { memoryMib: 512, serving: 133, expendable: 266 },
  { memoryMib: 24 * 1_024, serving: 3, expendable: 6 },
])(
  'of $memoryMib MiB a worker goes before us, and on a large machine hardly before other programs',
  (row) => {
    const rise = (rank: OomRank): number => oomRise(rank, row.memoryMib * 2 ** 20)
    expect(rise('serving')).toBe(row.serving)
    expect(rise('expendable')).toBe(row.expendable)
  },
)

onLinux('the kernel is to take a process with a rank before us, by more the less it does', async () => {
  await using spawner = silentSpawner()
  const plain = spawner.spawn(shell('cat'))
  const ranked = spawner.spawn(shell('cat', { oomRank: 'expendable' }))
  expect(scoreOf(plain.pid)).toBe(own)
  expect(scoreOf(ranked.pid)).toBe(risen('expendable'))
  ranked.rank('serving')
  expect(scoreOf(ranked.pid)).toBe(risen('serving'))
})

onLinux('what a process has started has its rank, unless it chose another value for itself', async () => {
  await using spawner = silentSpawner()
  const child = spawner.spawn(
    shell('sleep 1000 & sh -c "echo $CHOSEN > /proc/self/oom_score_adj; exec sleep 1000" & wait', {
      oomRank: 'expendable',
      env: { ...env, CHOSEN: `${own + 7}` },
    }),
  )
  const all = await family(child.pid, 3)
  const [shellPid, first, second] = all
  await until('the second has chosen', () => scoreOf(second!) === own + 7)
  expect([shellPid, first].map((pid) => scoreOf(pid!))).toEqual([risen('expendable'), risen('expendable')])
  child.rank('serving')
  expect(all.map(scoreOf)).toEqual([risen('serving'), risen('serving'), own + 7])
})

onLinux(
  'the values are above what an operator has given us, and no higher than the kernel takes',
  async () => {
    const given = Math.max(own, 999)
    // In a process of its own, because it takes a privilege to lower the value again.
    const runner = Bun.spawn({
      cmd: [process.execPath, '-e', RUN_WITH_GIVEN],
      env: {
        ...process.env,
        GIVEN: `${given}`,
        SPAWNER: import.meta.resolve('../../src/process/spawner.ts'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    expect(await new Response(runner.stdout).json()).toEqual({
      own: given,
      expendable: 1_000,
      serving: 1_000,
    })
    expect(await runner.exited).toBe(0)
    expect(scoreOf('self')).toBe(own)
  },
)

const RUN_WITH_GIVEN = `
  const { readFileSync, writeFileSync } = await import('node:fs')
  const { createSpawner } = await import(process.env.SPAWNER)
  const scoreOf = (pid) => Number(readFileSync('/proc/' + pid + '/oom_score_adj', 'utf8'))
  writeFileSync('/proc/self/oom_score_adj', process.env.GIVEN)
  const spawner = createSpawner()
  const child = spawner.spawn({ name: 'w1', command: ['cat'], cwd: '/', env: {}, oomRank: 'expendable' })
  const expendable = scoreOf(child.pid)
  child.rank('serving')
  console.log(JSON.stringify({ own: scoreOf('self'), expendable, serving: scoreOf(child.pid) }))
  await spawner.close()
`

onLinux('a footprint counts what a process and its children keep for themselves', async () => {
  await using spawner = silentSpawner()
  const mib = 2 ** 20
  const fill = `const kept = Buffer.alloc(40 * ${mib}, 1); setInterval(() => kept[0], 1000); console.log("x")`
  const child = spawner.spawn({
    ...shell(''),
    command: ['sh', '-c', `"$BUN" -e '${fill}' & wait`],
    env: { BUN: process.execPath },
  })
  const { bytes, peakBytes } = await until('both run, and one has filled its memory', () => {
    const footprint = readFootprint(child.pid)
    return footprint !== undefined && footprint.bytes > 40 * mib ? footprint : undefined
  })
  expect(bytes).toBeWithin(40 * mib, 90 * mib)
  expect(peakBytes).toBeGreaterThanOrEqual(bytes)
  child.signal('SIGKILL')
  await child.exited
  expect(readFootprint(child.pid)).toBeUndefined()
})
