import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BuildResult, createContentTree, setOomRank, type TreeState } from '@rip/manager'
import { SnapshotBuilder, type SnapshotBuilderOptions } from '../../src/builder/snapshot-builder.ts'

let folder: string
let root: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rip-builder-'))
  root = mkdtempSync(join(folder, 'app-'))
  writeFileSync(join(root, 'index.ts'), 'export default 1\n')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function builderOf(
  standby: boolean,
  runtimeFlags: readonly string[] = [],
  options: Partial<SnapshotBuilderOptions> = {},
): SnapshotBuilder {
  const env = { PATH: process.env['PATH'] ?? '', RIP_CACHE: 'off' }
  const tree = createContentTree({ root })
  return new SnapshotBuilder({
    root,
    entries: [join(root, 'index.ts')],
    tree,
    folder: join(folder, 'snapshots'),
    env: () => env,
    standby,
    runtimeFlags,
    ...options,
  })
}

function state(generation: string, files: Readonly<Record<string, string>> = {}): TreeState {
  return { generation, files: new Map(Object.entries(files)), newestMs: 0 }
}

async function build(builder: SnapshotBuilder, tree: TreeState): Promise<BuildResult> {
  return builder.build(tree, { signal: new AbortController().signal })
}

function sourceIn(result: BuildResult): string {
  return readFileSync(join(snapshotOf(result), 'files', entryIn(result).hash), 'utf8')
}

function importsIn(result: BuildResult): unknown {
  return entryIn(result).imports
}

function entryIn(result: BuildResult): { readonly hash: string; readonly imports?: unknown } {
  const manifest = JSON.parse(readFileSync(join(snapshotOf(result), 'manifest.json'), 'utf8')) as {
    files: Record<string, { hash: string; imports?: unknown }>
  }
  return manifest.files['index.ts']!
}

function snapshotOf(result: BuildResult): string {
  if (!result.ok) throw new Error('failure' in result ? result.failure.message : result.changed)
  return result.snapshot.folder ?? ''
}

/** Standby processes of this test, by pid. */
function waiting(): readonly number[] {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'pid=,args=', '--ppid', String(process.pid)])
  const lines = stdout
    .toString()
    .split('\n')
    .filter((line) => line.includes('--request -'))
  return lines.map((line) => Number.parseInt(line, 10))
}

function argumentsOf(pids: readonly number[]): readonly string[] {
  return pids.map((pid) => Bun.spawnSync(['ps', '-o', 'args=', '-p', String(pid)]).stdout.toString())
}

async function untilWaiting(): Promise<number> {
  for (;;) {
    const [pid] = waiting()
    if (pid !== undefined) return pid
    await Bun.sleep(20)
  }
}

test('a standby process builds the files as they are on disk when the build begins', async () => {
  await using builder = builderOf(true)
  expect(sourceIn(await build(builder, state('g1')))).toBe('export default 1\n')
  const pid = await untilWaiting()
  writeFileSync(join(root, 'index.ts'), 'export default 2\n')
  expect(sourceIn(await build(builder, state('g2')))).toBe('export default 2\n')
  // It has been used, and lives on for a moment.
  while (waiting().includes(pid)) await Bun.sleep(5)
})

test('a standby process compiles ahead of need what was saved last, in a language that needs a compiler', async () => {
  writeFileSync(join(root, 'a.rip'), 'a = 1\n')
  writeFileSync(join(root, 'index.rip'), "import './a.rip'\n")
  await using builder = builderOf(true)
  const content = createContentTree({ root })
  await build(builder, await content.read())
  await untilWaiting()
  writeFileSync(join(root, 'a.rip'), 'a = 2\n')
  await build(builder, await content.read())
  const named = (): boolean =>
    argumentsOf(waiting()).some((text) => text.includes(`--sample ${join(root, 'a.rip')}`))
  while (!named()) await Bun.sleep(20)
  expect(named()).toBe(true)
})

test.each([false, true])(
  'the process of the first build may start before there is something to build (standby: %p)',
  async (standby) => {
    await using builder = builderOf(standby)
    builder.prepare()
    const pid = await untilWaiting()
    expect(sourceIn(await build(builder, await createContentTree({ root }).read()))).toBe(
      'export default 1\n',
    )
    while (waiting().includes(pid)) await Bun.sleep(5)
  },
)

test.each([
  ['files', () => writeFileSync(join(root, 'index.ts'), 'export default 2\n')],
  ['a new .env', () => writeFileSync(join(root, '.env'), 'RIP_COMPILER=nobody\n')],
])('such a process is not used if it may have read %s as it was before', async (_what, write) => {
  await using builder = builderOf(false)
  builder.prepare()
  const pid = await untilWaiting()
  write()
  expect(await build(builder, await createContentTree({ root }).read())).toMatchObject({ ok: true })
  expect(waiting()).not.toContain(pid)
})

test('a killed build process is no verdict on the content', async () => {
  await using builder = builderOf(false)
  writeFileSync(join(root, 'bunfig.toml'), 'preload = ["./preload.ts"]\n')
  writeFileSync(join(root, 'preload.ts'), "process.kill(process.pid, 'SIGKILL')\n")
  expect(await build(builder, state('g1'))).toMatchObject({
    ok: false,
    byChance: true,
    failure: { message: expect.stringContaining('by SIGKILL') },
  })
  writeFileSync(join(root, 'preload.ts'), 'process.exit(1)\n')
  expect(await build(builder, state('g2'))).toMatchObject({ ok: false, byChance: false })
})

test('a build process that the kernel killed for want of memory is said to have been, and what to do', async () => {
  await using builder = builderOf(false, [], { oom: { consume: () => true } })
  await build(builder, state('g0'))
  const { peakBytes } = builder
  writeFileSync(join(root, 'bunfig.toml'), 'preload = ["./preload.ts"]\n')
  writeFileSync(join(root, 'preload.ts'), "process.kill(process.pid, 'SIGKILL')\n")
  expect(await build(builder, state('g1'))).toMatchObject({
    ok: false,
    byChance: true,
    failure: { message: expect.stringMatching(/^the system killed the builder for want of memory: raise/) },
  })
  expect(builder.peakBytes).toBe(peakBytes === undefined ? undefined : 2 * peakBytes)
  writeFileSync(join(root, 'preload.ts'), 'process.exit(1)\n')
  expect(await build(builder, state('g2'))).toMatchObject({
    failure: { message: expect.stringMatching(/^the builder ended with 1/) },
  })
})

test.skipIf(process.platform !== 'linux')('a build tells what memory it took for itself', async () => {
  await using builder = builderOf(false)
  expect(builder.peakBytes).toBeUndefined()
  await build(builder, state('g1'))
  expect(builder.peakBytes).toBeWithin(2 ** 20, 200 * 2 ** 20)
})

test.skipIf(process.platform !== 'linux')(
  'a build process is the first that the kernel is to take',
  async () => {
    await using builder = builderOf(false)
    builder.prepare()
    const pid = await untilWaiting()
    const scoreOf = (of: number | 'self'): number => Number(readFileSync(`/proc/${of}/oom_score_adj`, 'utf8'))
    await using other = Bun.spawn(['cat'], { stdio: ['pipe', 'ignore', 'inherit'] })
    setOomRank(other.pid, 'expendable')
    expect(scoreOf(pid)).toBe(scoreOf(other.pid))
    expect(scoreOf(pid)).toBeGreaterThan(scoreOf('self'))
  },
)

test('a standby process that was killed is replaced without waiting for it', async () => {
  await using builder = builderOf(true)
  await build(builder, state('g1'))
  process.kill(await untilWaiting(), 'SIGKILL')
  while (waiting().length > 0) await Bun.sleep(5)
  expect(sourceIn(await build(builder, state('g2')))).toBe('export default 1\n')
})

test('a standby process that read another .env at its start is not used', async () => {
  writeFileSync(join(root, 'a.rip'), 'x = 1\n')
  await using builder = builderOf(true)
  expect(await build(builder, state('g1'))).toMatchObject({ ok: true })
  await untilWaiting()
  writeFileSync(join(root, '.env'), 'RIP_COMPILER=nobody\n')
  const result = await build(builder, state('g2', { '.env': 'changed' }))
  expect(result).toMatchObject({ ok: false, failure: { message: expect.stringContaining("'nobody'") } })
})

test('a standby process that read another file extended by tsconfig.json at its start is not used', async () => {
  const base = join(folder, 'base.json')
  const leadsTo = (name: string): string =>
    JSON.stringify({ compilerOptions: { paths: { '@value': [`./${name}.ts`] } } })
  writeFileSync(join(root, 'index.ts'), "export * from '@value'\n")
  writeFileSync(join(root, 'tsconfig.json'), '{ "extends": "../base.json" }')
  writeFileSync(base, leadsTo('one'))
  for (const name of ['one', 'two'])
    writeFileSync(join(folder, `${name}.ts`), `export const value = '${name}'\n`)
  await using builder = builderOf(true)
  expect(importsIn(await build(builder, state('g1')))).toEqual({
    '@value': join(realpathSync(folder), 'one.ts'),
  })
  await untilWaiting()
  writeFileSync(base, leadsTo('two'))
  const changed = state('g2', { [base]: 'changed' })
  expect(importsIn(await build(builder, changed))).toEqual({ '@value': join(realpathSync(folder), 'two.ts') })
})

test('an aborted build rejects, and closing leaves no process', async () => {
  {
    await using builder = builderOf(true)
    await build(builder, state('g1'))
    await untilWaiting()
    const controller = new AbortController()
    const built = builder.build(state('g2'), { signal: controller.signal })
    controller.abort(new Error('newer content'))
    expect(built).rejects.toThrow('newer content')
    await built.catch(() => {})
    await untilWaiting()
  }
  expect(waiting()).toEqual([])
})

test('in production every build starts its own process', async () => {
  await using builder = builderOf(false)
  expect(await build(builder, state('g1'))).toMatchObject({ ok: true })
  expect(await build(builder, state('g2'))).toMatchObject({ ok: true })
  expect(waiting()).toEqual([])
})

test('a process that does not end after its report is not waited for, and is ended', async () => {
  const lingers = join(folder, 'lingers.ts')
  writeFileSync(lingers, 'setInterval(() => {}, 60_000)\n')
  await using builder = builderOf(false, ['--preload', lingers])
  expect(sourceIn(await build(builder, state('g1')))).toBe('export default 1\n')
  while (waiting().length > 0) await Bun.sleep(5)
})

test('a file written after the tree was read is in the snapshot, and in its name', async () => {
  await using builder = builderOf(false)
  const before = await createContentTree({ root }).read()
  writeFileSync(join(root, 'index.ts'), 'export default 2\n')
  const { generation } = await createContentTree({ root }).read()
  const result = await build(builder, before)
  expect(result).toMatchObject({ ok: true, snapshot: { generation } })
  expect(generation).not.toBe(before.generation)
  expect(sourceIn(result)).toBe('export default 2\n')
})

test('a snapshot says which of its files have changed since', async () => {
  await using builder = builderOf(false)
  const tree = createContentTree({ root })
  const result = await build(builder, await tree.read())
  if (!result.ok) throw new Error('it does not build')
  const changed = async (path: string, text: string): Promise<string | undefined> => {
    writeFileSync(join(root, path), text)
    return result.snapshot.changedIn?.(await tree.read())
  }
  expect(await changed('build-info.json', '{}')).toBeUndefined()
  expect(await changed('types.d.ts', 'declare const at: 1')).toBeUndefined()
  expect(await changed('.env', 'A=1')).toBe('.env')
  rmSync(join(root, '.env'))
  expect(await changed('index.ts', 'export default 2')).toBe('index.ts')
})

test('no standby process is kept in a folder that is gone, and there is no warning', async () => {
  await using builder = builderOf(true)
  await build(builder, state('g1'))
  rmSync(root, { recursive: true })
  // Long enough for the next one to be started; an exception there would fail this test.
  await Bun.sleep(700)
  expect(waiting()).toEqual([])
})

test('modules that are as they were in the build before are counted', async () => {
  await using builder = builderOf(false)
  writeFileSync(join(root, 'b.ts'), 'export const b = 1\n')
  writeFileSync(join(root, 'index.ts'), "import { b } from './b.ts'\nexport default b\n")
  const modulesOf = async (generation: string): Promise<unknown> => {
    const result = await build(builder, state(generation))
    return result.ok && result.snapshot.modules
  }
  expect(await modulesOf('a'.repeat(16))).toEqual({ total: 2, reused: 0 })
  writeFileSync(join(root, 'b.ts'), 'export const b = 2\n')
  expect(await modulesOf('b'.repeat(16))).toEqual({ total: 2, reused: 1 })
})
