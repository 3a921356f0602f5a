import { describe, expect, test } from 'bun:test'
import { until } from '@rip/testing'
import { Folder, Supervised } from './helpers.ts'

const DRAIN = { type: 'drain', deadlineMs: 5_000 } as const

/** A background process of one module, whose standard input its supervisor holds open. */
function started(source: string, env: Readonly<Record<string, string>> = {}): Supervised {
  const folder = new Folder({ 'jobs.ts': source })
  return new Supervised(folder, {
    args: [folder.file('jobs.ts')],
    stdin: 'pipe',
    env: { RIP_BACKGROUND: 'jobs', ...env },
  })
}

async function begun(source: string): Promise<Supervised> {
  const process = started(source)
  await process.received('ready')
  process.send({ type: 'resume' })
  await process.received('begun')
  return process
}

describe('a module in the background', () => {
  test('that exports no resume is not loaded before its turn', async () => {
    await using process = started(`console.log('loaded'); setInterval(() => {}, 1_000)`)
    await process.received('ready')
    expect(process.program.stdout).toBe('')
    process.send({ type: 'resume' })
    await process.received('begun')
    expect(process.program.stdout).toBe('loaded\n')
  })

  test('that exports resume is loaded and ready ahead of its turn', async () => {
    await using process = started(`
      export const ready = () => console.log('ready')
      export function resume({ name, workerId, generation, signal }) {
        console.log(name, workerId, generation, signal.aborted)
        setInterval(() => {}, 1_000)
      }`)
    await process.received('ready')
    expect(process.program.stdout).toBe('ready\n')
    process.send({ type: 'resume' })
    await until('it has begun', () => process.program.stdout.endsWith('jobs 1 g1 false\n'))
  })

  test('may wait at its top level for ever', async () => {
    await using process = await begun(`console.log('waits'); await new Promise(() => {})`)
    await process.received('beacon')
    expect(process.program.process.exitCode).toBeNull()
    process.send(DRAIN)
    expect(await process.program.exitCode()).toBe(0)
  })

  test('that has nothing more to do ends its process', async () => {
    await using process = await begun(`await Bun.sleep(10); console.log('done')`)
    expect(await process.program.exitCode()).toBe(0)
    expect(process.program.stdout).toBe('done\n')
  })

  test.each([
    ['an error', 'const a = 1\nthrow new Error("no database")', 'import'],
    [
      'a rejection that nothing handles',
      'void Promise.reject(new Error("no database"))\nawait Bun.sleep(60_000)',
      'import',
    ],
  ] as const)('%s at its begin is told with its place', async (_, source, kind) => {
    await using process = started(source)
    await process.received('ready')
    process.send({ type: 'resume' })
    const { failure } = await process.received('failed')
    expect(failure.kind).toBe(kind)
    expect(failure.file).toEndWith('jobs.ts')
    expect(await process.program.exitCode()).toBe(4)
  })

  test('that cannot be parsed is told with its place, ahead of its turn', async () => {
    await using process = started('const a = 1\nconst = 1')
    expect((await process.received('failed')).failure).toMatchObject({ kind: 'compile', line: 2 })
  })

  test('that fails ahead of its turn tells so instead of being ready', async () => {
    await using process = started(`export const resume = () => {}\nthrow new Error('no database')`)
    expect((await process.received('failed')).failure.message).toEndWith('no database')
    expect(process.message('ready')).toBeUndefined()
  })

  test.each([
    ['an exception', `setTimeout(() => { throw new Error('later') }, 50)`],
    ['a rejection', `setTimeout(() => Promise.reject(new Error('later')), 50)`],
  ])('%s that nothing handles ends it with 1', async (_, source) => {
    await using process = await begun(`${source}; setInterval(() => {}, 1_000)`)
    expect(await process.program.exitCode()).toBe(1)
    expect(process.program.stderr).toContain('later')
  })

  test('whose loop at its top level fails after it has begun ends its process with 1', async () => {
    await using process = await begun(`
      while (!(await Bun.file(import.meta.dir + '/stop').exists())) await Bun.sleep(5)
      throw new Error('lost the queue')`)
    await Bun.write(process.folder.file('stop'), '')
    expect(await process.program.exitCode()).toBe(1)
    expect(process.program.stderr).toContain('lost the queue')
  })
})

describe('the end of a module in the background', () => {
  test('comes at once without hooks and listeners', async () => {
    await using process = await begun(`setInterval(() => {}, 1_000)`)
    process.send(DRAIN)
    expect(await process.program.exitCode()).toBe(0)
  })

  test('waits for what resume has begun, then for standby and close', async () => {
    await using process = await begun(`
      export async function resume({ signal }) {
        while (!signal.aborted) await Bun.sleep(5)
        await Bun.sleep(50)
        console.log('ended')
      }
      export const standby = () => console.log('standby')
      export const close = async ({ signal }) => console.log('close', signal.aborted)`)
    process.send(DRAIN)
    expect(await process.program.exitCode()).toBe(0)
    expect(process.program.stdout).toBe('standby\nended\nclose false\n')
  })

  test('is left to a module that listens for SIGTERM', async () => {
    await using process = await begun(`
      let goes = true
      process.on('SIGTERM', () => (goes = false))
      while (goes) await Bun.sleep(5)
      await Bun.sleep(50)
      console.log('finished')`)
    process.send(DRAIN)
    expect(await process.program.exitCode()).toBe(0)
    expect(process.program.stdout).toBe('finished\n')
  })

  test('is forced at the deadline', async () => {
    await using process = await begun(
      `export const close = () => new Promise(() => {}); setInterval(() => {}, 1_000)`,
    )
    process.send({ type: 'drain', deadlineMs: 100 })
    expect(await process.program.exitCode()).toBe(1)
    expect(process.program.stderr).toContain('jobs did not end within 100 ms and is cut off')
  })

  test('comes with the end of its supervisor', async () => {
    await using process = await begun(
      `export const close = () => console.log('closed'); setInterval(() => {}, 1_000)`,
    )
    process.hangUp()
    expect(await process.program.exitCode()).toBe(0)
    expect(process.program.stdout).toBe('closed\n')
  })

  test('is said to the supervisor when somebody else sends SIGTERM', async () => {
    await using process = await begun(`setInterval(() => {}, 1_000)`)
    process.program.process.kill('SIGTERM')
    expect(await process.received('leaving')).toMatchObject({ reason: 'signal' })
    expect(await process.program.exitCode()).toBe(0)
  })

  test('before its turn never begins its work', async () => {
    await using process = started(`console.log('loaded')`)
    await process.received('ready')
    process.send(DRAIN)
    expect(await process.program.exitCode()).toBe(0)
    expect(process.program.stdout).toBe('')
  })
})

describe('a command in the background', () => {
  const command = (...words: string[]) => started('', { RIP_BACKGROUND_COMMAND: JSON.stringify(words) })

  test('runs at its turn, without what is meant for its supervisor alone, and its code is that of the process', async () => {
    await using process = command(
      'sh',
      '-c',
      'echo "$RIP_BACKGROUND $RIP_GENERATION [$RIP_CONTROL]"; sleep 0.2; exit 7',
    )
    await process.received('ready')
    process.send({ type: 'resume' })
    expect(await process.program.exitCode()).toBe(7)
    expect(process.program.stdout).toBe('jobs g1 []\n')
  })

  test('that is not there is told ahead of its turn', async () => {
    await using process = command('no-such-program')
    const { failure } = await process.received('failed')
    expect(failure).toMatchObject({ kind: 'not-found' })
    expect(failure.message).toContain('there is no program no-such-program')
  })
})
