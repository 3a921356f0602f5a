import { expect } from 'bun:test'
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { cpuMsOf, median, type ReleaseSandbox, timeUntil, until } from '@rip/testing'
import { expectWithin, figure, long, short } from './scenario.ts'
import { expectNothingFailed } from './expect-nothing-failed.ts'

/** Long enough for every sweep and debounce. */
const QUIET_MS = 2_600
/** Interval at which the tree is compared even without reports of changes. */
const SWEEP_MS = 2_000

async function admitted(sandbox: ReleaseSandbox): Promise<number> {
  return (await sandbox.status())?.reloads.admitted ?? Number.NaN
}

/** Milliseconds until a version serves; throws when it takes longer than the limit. */
async function expectServed(
  sandbox: ReleaseSandbox,
  { version, limitMs, how }: { readonly version: string; readonly limitMs: number; readonly how: string },
): Promise<number> {
  const ms = await timeUntil(async () => (await sandbox.version()) === version, limitMs + 5000)
  expectWithin(limitMs, ms, `${how}: ${version} served after ${Math.round(ms)} ms`)
  return ms
}

const release = (version: string): string => `export const VERSION = '${version}'\n`

/** Ways in which editors and tools save a file. */
const SAVES: Readonly<Record<string, (path: string, text: string) => void | Promise<void>>> = {
  'in place': (path, text) => writeFileSync(path, text),
  'truncated, then in two chunks': async (path, text) => {
    writeFileSync(path, '')
    appendFileSync(path, text.slice(0, 12))
    await Bun.sleep(50)
    appendFileSync(path, text.slice(12))
  },
  'renamed into place': (path, text) => {
    writeFileSync(`${path}.tmp`, text)
    renameSync(`${path}.tmp`, path)
  },
  'old one moved away, new one created': (path, text) => {
    renameSync(path, `${path}~`)
    writeFileSync(path, text)
    rmSync(`${path}~`)
  },
  'deleted and created': (path, text) => {
    rmSync(path)
    writeFileSync(path, text)
  },
  rsync: (path, text) => {
    const source = join(path, '../../incoming')
    writeFileSync(source, text)
    Bun.spawnSync(['rsync', '--ignore-times', source, path])
  },
}

long(
  'each save makes one generation, whatever way it is made',
  async (sandbox) => {
    await sandbox.serve({ mode: 'dev', workers: 1 })
    const path = join(sandbox.app, 'version.ts')
    let saves = 0
    for (let round = 0; round < 8; round++) {
      for (const [how, save] of Object.entries(SAVES)) {
        const version = `s${++saves}`
        await save(path, release(version))
        await expectServed(sandbox, { version, limitMs: 1500, how })
        await Bun.sleep(120)
      }
    }
    await Bun.sleep(QUIET_MS)
    const generations = (await admitted(sandbox)) - 1
    expect(generations, `${generations} generations for ${saves} saves`).toBe(saves)
    const before = await admitted(sandbox)
    utimesSync(path, new Date(), new Date())
    await Bun.sleep(QUIET_MS)
    expect(await admitted(sandbox), 'a touch made a generation').toBe(before)
    const beforeCheckout = await checkOut(sandbox)
    await expectServed(sandbox, { version: 'branch', limitMs: 3000, how: 'git checkout' })
    await Bun.sleep(QUIET_MS)
    const forCheckout = (await admitted(sandbox)) - beforeCheckout
    figure(`${generations} generations for ${saves} saves, 0 for a touch, ${forCheckout} for a checkout`)
    expect(forCheckout, `${forCheckout} generations for one checkout`).toBe(1)
  },
  () => (Bun.which('rsync') === null ? 'there is no rsync' : undefined),
)

/**
 * Switches between two branches that differ in 500 files; the repository is prepared while no server watches. Returns
 * the generations that served before the switch.
 */
async function checkOut(sandbox: ReleaseSandbox): Promise<number> {
  await sandbox.run('hold', sandbox.app)
  const git = (...args: string[]): void => {
    const { success, stderr } = Bun.spawnSync(
      ['git', '-c', 'user.name=a', '-c', 'user.email=a@b.c', '-C', sandbox.app, ...args],
      { env: sandbox.env() },
    )
    if (!success) throw new Error(`git ${args[0]}: ${stderr.toString()}`)
  }
  const current = readFileSync(join(sandbox.app, 'version.ts'), 'utf8')
  const write = (version: string): void => {
    mkdirSync(join(sandbox.app, 'lib'), { recursive: true })
    for (let n = 0; n < 500; n++)
      writeFileSync(join(sandbox.app, 'lib', `${n}.ts`), release(`${version}${n}`))
  }
  git('init', '-q', '-b', 'main')
  write('a')
  git('add', '-A')
  git('commit', '-q', '-m', 'one')
  git('checkout', '-q', '-b', 'branch')
  write('b')
  sandbox.deploy('branch')
  git('commit', '-q', '-a', '-m', 'two')
  git('checkout', '-q', 'main')
  if (readFileSync(join(sandbox.app, 'version.ts'), 'utf8') !== current) throw new Error('not back on main')
  await sandbox.run('release', sandbox.app)
  await until('the main branch serves', async () => (await sandbox.version()) !== 'branch')
  await Bun.sleep(QUIET_MS)
  const before = await admitted(sandbox)
  git('checkout', '-q', 'branch')
  return before
}

long(
  'files in new directories, deleted and created again, are noticed without waiting for the sweep',
  async (sandbox) => {
    await sandbox.serve({ mode: 'dev', workers: 1 })
    const folder = join(sandbox.app, 'deep')
    const edits: readonly (() => void)[] = [
      () => mkdirSync(folder),
      () => writeFileSync(join(folder, 'note.ts'), 'export const a = 1\n'),
      () => writeFileSync(join(folder, 'note.ts'), `export const a = ${Math.random()}\n`),
      () => rmSync(folder, { recursive: true }),
    ]
    const tookMs: number[] = []
    let generation = (await sandbox.status())?.generation
    for (let round = 0; round < 10; round++) {
      for (const [step, edit] of edits.entries()) {
        edit()
        // An empty directory is no content.
        if (step === 0) continue
        const before = generation
        tookMs.push(
          await timeUntil(async () => (generation = (await sandbox.status())?.generation) !== before, 5000),
        )
        await Bun.sleep(100)
      }
    }
    const late = tookMs.filter((ms) => ms > SWEEP_MS)
    expect(late.length, `${late.length} of ${tookMs.length} took ${late.map(Math.round).join(', ')} ms`).toBe(
      0,
    )
    figure(
      `${tookMs.length} edits served, median ${Math.round(median(tookMs))} ms, slowest ${Math.round(Math.max(...tookMs))} ms`,
    )
  },
)

short(
  'releases behind a symbolic link are followed, and a deleted one still starts workers',
  async (sandbox) => {
    const current = join(sandbox.folder, 'current')
    const releaseFolder = (n: number): string => join(sandbox.folder, 'releases', String(n))
    const stage = (n: number): void => {
      mkdirSync(releaseFolder(n), { recursive: true })
      Bun.spawnSync(['cp', '-r', `${sandbox.app}/.`, releaseFolder(n)])
      writeFileSync(join(releaseFolder(n), 'version.ts'), release(`r${n}`))
      writeFileSync(join(releaseFolder(n), '.env'), `RELEASE=${n}\n`)
    }
    const link = (n: number): void => {
      symlinkSync(releaseFolder(n), `${current}.new`)
      renameSync(`${current}.new`, current)
    }
    stage(1)
    link(1)
    const server = await sandbox.serve({ app: current })
    for (const n of [2, 3]) {
      stage(n)
      link(n)
      const { code, stderr } = await sandbox.run('reload', current)
      expect(code, `reload ${n} ended with ${code}: ${stderr.trim()}`).toBe(0)
      const { version, cwd } = (await (await sandbox.get('/')).json()) as { version: string; cwd: string }
      expect(version === `r${n}` && cwd === releaseFolder(n), `${version} serves in ${cwd}`).toBe(true)
      const env: unknown = await (await sandbox.get('/env?k=RELEASE')).json()
      expect(env, `RELEASE is ${JSON.stringify(env)}`).toBe(String(n))
    }
    rmSync(releaseFolder(1), { recursive: true })
    // The next release exists but is not reloaded yet, and the serving one is removed.
    stage(4)
    link(4)
    rmSync(releaseFolder(3), { recursive: true })
    const load = sandbox.startLoad()
    const [victim = 0] = await sandbox.workerPids()
    process.kill(victim, 'SIGKILL')
    const backMs = await timeUntil(async () => {
      const pids = await sandbox.workerPids()
      return !pids.includes(victim) && (await sandbox.status())?.readyWorkers === 4
    }, 10_000)
    expect(backMs, `a worker of a deleted release did not come back: ${server.stderr}`).toBeFinite()
    expect(await sandbox.version(), `${await sandbox.version()} serves`).toBe('r3')
    const report = await load.stop()
    const lostGets = report.examples.filter((example) => example.includes('GET /?'))
    expect(lostGets.length, lostGets.join('; ')).toBe(0)
    figure(`code, cwd and .env follow the link; respawn from a deleted release ${Math.round(backMs)} ms`)
  },
)

long(
  'an application that writes into its own tree at each request is reloaded once at most, with a warning',
  async (sandbox) => {
    const server = await sandbox.serve({ mode: 'dev', workers: 2 })
    const before = await admitted(sandbox)
    for (let n = 0; n < 100; n++) {
      await sandbox.get(`/write?path=${encodeURIComponent(join(sandbox.app, 'visits.txt'))}`)
      await Bun.sleep(60)
    }
    await Bun.sleep(QUIET_MS)
    const reloads = (await admitted(sandbox)) - before
    expect(reloads, `${reloads} reloads`).toBeLessThanOrEqual(1)
    expect(server.stderr, `no warning names the file: ${server.stderr.trim()}`).toContain('visits.txt')
    figure(
      `${reloads} ${reloads === 1 ? 'reload' : 'reloads'} for 100 writes, and one warning that names the file`,
    )
  },
)

/** A new user namespace, in which the kernel allows few watches. */
const FEW_WATCHES = [
  'unshare',
  '-Ur',
  'sh',
  '-c',
  'echo 128 > /proc/sys/user/max_inotify_watches && exec "$@"',
  'sh',
]

long(
  'a tree of 100,000 files with 128 inotify watches starts quickly, rests, and notices an edit',
  async (sandbox) => {
    const modules = join(sandbox.app, 'node_modules')
    for (let n = 0; n < 1000; n++) {
      const folder = join(modules, `package-${n}`)
      mkdirSync(folder, { recursive: true })
      for (let file = 0; file < 99; file++) writeFileSync(join(folder, `${file}.js`), '')
    }
    for (let n = 0; n < 1000; n++) {
      const folder = join(sandbox.app, 'src', String(n))
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'index.ts'), `export const n = ${n}\n`)
    }
    const startedAt = performance.now()
    const server = await sandbox.serve({ mode: 'dev', workers: 1, wrapper: FEW_WATCHES })
    const startMs = performance.now() - startedAt
    await Bun.sleep(3000)
    const [cpuBefore, idleFrom] = [cpuMsOf(server.pid), performance.now()]
    await Bun.sleep(6000)
    const share = (cpuMsOf(server.pid) - cpuBefore) / (performance.now() - idleFrom)
    sandbox.deploy('seen')
    const ms = await expectServed(sandbox, { version: 'seen', limitMs: 3000, how: 'an edit' })
    const warnings = server.stderr
      .split('\n')
      .filter((line) => /inotify|watch/.test(line) && /warning/.test(line))
    expectWithin(2000, startMs, `it started in ${Math.round(startMs)} ms`)
    expect(share, `it uses ${(share * 100).toFixed(1)} % of a processor at rest`).toBeLessThan(0.02)
    expect(warnings.length, `${warnings.length} warnings: ${warnings.join('; ')}`).toBe(1)
    figure(
      `started in ${Math.round(startMs)} ms, ${(share * 100).toFixed(1)} % of a processor at rest, edit served after ${Math.round(ms)} ms`,
    )
  },
)

long('an edit that was overtaken while it was being proven is never served', async (sandbox) => {
  await sandbox.serve({ mode: 'dev', workers: 1 })
  const seen = new Set<string>()
  let looking = true
  const look = async (): Promise<void> => {
    while (looking) {
      const version = await sandbox.version()
      if (version !== undefined) seen.add(version)
      await Bun.sleep(10)
    }
  }
  const looked = look()
  for (let n = 1; n <= 10; n++) {
    sandbox.deploy(`v1-${n}`, 'await Bun.sleep(600)')
    await Bun.sleep(150 + n * 30)
    sandbox.deploy(`v2-${n}`)
    await expectServed(sandbox, { version: `v2-${n}`, limitMs: 2000, how: 'the newer edit' })
    await Bun.sleep(800)
  }
  looking = false
  await looked
  const stale = [...seen].filter((version) => version.startsWith('v1-'))
  expect(stale.length, `served although it was outdated: ${stale.join(', ')}`).toBe(0)
  figure(`10 newer edits, ${stale.length} outdated ones served`)
})

long(
  'in development mistakes are told, fixes served, and no connection is refused meanwhile',
  async (sandbox) => {
    await sandbox.serve({ mode: 'dev', workers: 2 })
    let refused = 0
    let looking = true
    const look = async (): Promise<void> => {
      while (looking) {
        if (!(await sandbox.accepts())) refused++
        await Bun.sleep(10)
      }
    }
    const looked = look()
    const brokeMs: number[] = []
    const fixedMs: number[] = []
    for (let n = 1; n <= 10; n++) {
      const refusedBefore = (await sandbox.status())?.reloads.refused ?? 0
      writeFileSync(
        join(sandbox.app, 'version.ts'),
        `export const VERSION = '${n}'\nexport const broken = (${n}\n`,
      )
      brokeMs.push(
        await timeUntil(async () => ((await sandbox.status())?.reloads.refused ?? 0) > refusedBefore, 5000),
      )
      const { message = '' } = (await sandbox.status())?.lastRefusal ?? {}
      expect(message, `the refusal says: ${message}`).toContain('version.ts')
      expect(await sandbox.version(), 'nothing serves while it is broken').not.toBe(undefined)
      const startedAt = performance.now()
      sandbox.deploy(`fixed-${n}`)
      await expectServed(sandbox, { version: `fixed-${n}`, limitMs: 1000, how: 'the fix' })
      fixedMs.push(performance.now() - startedAt)
    }
    looking = false
    await looked
    const [slowest, slowestFix] = [Math.max(...brokeMs), Math.max(...fixedMs)]
    expect(slowest, `a mistake was told after ${Math.round(slowest)} ms`).toBeLessThanOrEqual(800)
    expect(refused, `refused ${refused} times`).toBe(0)
    figure(
      `10 mistakes told within ${Math.round(slowest)} ms, 10 fixes served within ${Math.round(slowestFix)} ms, ${refused} connections refused`,
    )
  },
)

long('fifty edits in production with --hotfix, ten of them broken, lose no request', async (sandbox) => {
  await sandbox.serve({ flags: ['--hotfix'] })
  const load = sandbox.startLoad()
  for (let n = 1; n <= 50; n++) {
    const before = await reloads(sandbox)
    if (n % 5 === 0) writeFileSync(join(sandbox.app, 'version.ts'), `broken ( ${n}\n`)
    else sandbox.deploy(`h${n}`)
    await until(`edit ${n} is judged`, async () => (await reloads(sandbox)) > before)
  }
  expectNothingFailed(await load.stop())
  const { reloads: count } = (await sandbox.status()) ?? {}
  expect(count?.admitted, `${count?.admitted} admitted, the first one included`).toBe(41)
  expect(count?.refused, `${count?.refused} refused`).toBe(10)
  expect(await sandbox.version(), `${await sandbox.version()} serves`).toBe('h49')
  figure(`${(count?.admitted ?? 0) - 1} admitted, ${count?.refused} refused`)
})

async function reloads(sandbox: ReleaseSandbox): Promise<number> {
  const { admitted: yes = 0, refused: no = 0 } = (await sandbox.status())?.reloads ?? {}
  return yes + no
}
