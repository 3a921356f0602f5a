import { expect, test } from 'bun:test'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { createOomWatch, readOomKills } from '../../src/process/oom.ts'
import { temporaryFolder } from '../real.ts'

test('accounts for each kill once', () => {
  let kills: number | undefined = 3
  const watch = createOomWatch(() => kills)
  expect(watch.consume()).toBe(false)
  kills = 5
  expect([watch.consume(), watch.consume(), watch.consume()]).toEqual([true, true, false])
  kills = undefined
  expect(watch.consume()).toBe(false)
})

test('reads the counter of cgroup version 2', async () => {
  await using folder = await temporaryFolder()
  mkdirSync(folder.at('mount/app'), { recursive: true })
  writeFileSync(folder.at('membership'), '0::/app\n')
  writeFileSync(folder.at('mount/app/memory.events'), 'low 0\nhigh 0\nmax 9\noom 2\noom_kill 4\n')
  expect(readOomKills({ membership: folder.at('membership'), mount: folder.at('mount') })).toBe(4)
})

const realGroup = `/sys/fs/cgroup/memory/rip-test-${process.pid}`

function canMakeGroups(): boolean {
  try {
    mkdirSync(realGroup)
    rmdirSync(realGroup)
    return true
  } catch {
    return false
  }
}

test.skipIf(!canMakeGroups())(
  'counts a real out-of-memory kill (needs a writable version 1 memory controller)',
  async () => {
    mkdirSync(realGroup)
    try {
      writeFileSync(`${realGroup}/memory.limit_in_bytes`, String(24 * 1_048_576))
      await using folder = await temporaryFolder()
      writeFileSync(folder.at('membership'), `4:memory:/rip-test-${process.pid}\n`)
      const watch = createOomWatch(() => readOomKills({ membership: folder.at('membership') }))
      const hog = `echo $$ > ${realGroup}/cgroup.procs; exec ${process.execPath} -e 'const all = []; for (;;) all.push(Buffer.alloc(1e6, 1))'`
      const child = Bun.spawn(['sh', '-c', hog], { stdio: ['ignore', 'ignore', 'ignore'] })
      await child.exited
      expect(child.signalCode).toBe('SIGKILL')
      expect(watch.consume()).toBe(true)
    } finally {
      rmdirSync(realGroup)
    }
  },
)
