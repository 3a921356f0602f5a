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
import { timeUntil, until } from '../condition.ts'
import { expectNothingFailed } from '../load-verdict.ts'
import { cpuMsOf } from '../process-facts.ts'
import type { Sandbox } from '../sandbox.ts'
import type { BlackBoxScenario } from '../scenario.ts'
import type { Verdict } from '../verdict.ts'

/** Long enough for every sweep and debounce to have come round. */
const QUIET_MS = 2_600
/** The tree is compared this often even when nobody reports a change. */
const SWEEP_MS = 2_000

async function admitted(sandbox: Sandbox): Promise<number> {
  return (await sandbox.status())?.reloads.admitted ?? Number.NaN
}

/** Milliseconds until a version serves; a problem when it takes longer than the limit. */
async function expectServed(
  sandbox: Sandbox,
  verdict: Verdict,
  { version, limitMs, how }: { readonly version: string; readonly limitMs: number; readonly how: string },
): Promise<number> {
  const ms = await timeUntil(async () => (await sandbox.version()) === version, limitMs + 5000)
  verdict.expect(ms <= limitMs, `${how}: ${version} served after ${Math.round(ms)} ms`)
  return ms
}

const release = (version: string): string => `export const VERSION = '${version}'\n`

/** Ways in which editors and tools write a file. */
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

const S54: BlackBoxScenario = {
  id: 'S54',
  title: 'one generation for each save, whatever way it is made',
  shortened: '8 rounds of 6 ways, a checkout of 500 files, touch',
  unavailable: () => (Bun.which('rsync') === null ? 'there is no rsync' : undefined),
  async run(sandbox, verdict) {
    await sandbox.serve({ mode: 'dev', workers: 1 })
    const path = join(sandbox.app, 'version.ts')
    let saves = 0
    for (let round = 0; round < 8; round++) {
      for (const [how, save] of Object.entries(SAVES)) {
        const version = `s${++saves}`
        await save(path, release(version))
        await expectServed(sandbox, verdict, { version, limitMs: 1500, how })
        await Bun.sleep(120)
      }
    }
    await Bun.sleep(QUIET_MS)
    const generations = (await admitted(sandbox)) - 1
    verdict.expect(generations === saves, `${generations} generations for ${saves} saves`)
    const before = await admitted(sandbox)
    utimesSync(path, new Date(), new Date())
    await Bun.sleep(QUIET_MS)
    verdict.expect((await admitted(sandbox)) === before, 'a touch made a generation')
    const beforeCheckout = await checkOut(sandbox)
    await expectServed(sandbox, verdict, { version: 'branch', limitMs: 3000, how: 'git checkout' })
    await Bun.sleep(QUIET_MS)
    const forCheckout = (await admitted(sandbox)) - beforeCheckout
    verdict.figure(
      `${generations} generations for ${saves} saves, 0 for a touch, ${forCheckout} for a checkout`,
    )
    verdict.expect(forCheckout === 1, `${forCheckout} generations for one checkout`)
  },
}

/**
 * Switches between two branches that differ in 500 files; what git needs is made while nobody looks. Returns the
 * generations admitted before the switch.
 */
async function checkOut(sandbox: Sandbox): Promise<number> {
  await sandbox.command('hold', sandbox.app)
  const git = (...args: string[]): void => {
    const { success, stderr } = Bun.spawnSync(
      ['git', '-c', 'user.name=a', '-c', 'user.email=a@b.c', '-C', sandbox.app, ...args],
      { env: sandbox.env },
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
  await sandbox.command('release', sandbox.app)
  await until('the main branch serves', async () => (await sandbox.version()) !== 'branch')
  await Bun.sleep(QUIET_MS)
  const before = await admitted(sandbox)
  git('checkout', '-q', 'branch')
  return before
}

const S55: BlackBoxScenario = {
  id: 'S55',
  title: 'new directories, deleted and created again',
  shortened: '10 rounds of 4 edits',
  async run(sandbox, verdict) {
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
    verdict.expect(
      late.length === 0,
      `${late.length} of ${tookMs.length} took ${late.map(Math.round).join(', ')} ms`,
    )
    const [median, slowest] = [tookMs.toSorted((a, b) => a - b)[tookMs.length >> 1] ?? 0, Math.max(...tookMs)]
    verdict.figure(
      `${tookMs.length} edits served, median ${Math.round(median)} ms, slowest ${Math.round(slowest)} ms`,
    )
  },
}

const S56: BlackBoxScenario = {
  id: 'S56',
  title: 'releases behind a symbolic link; the oldest is deleted',
  async run(sandbox, verdict) {
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
      const { code, stderr } = await sandbox.command('reload', current)
      verdict.expect(code === 0, `reload ${n} ended with ${code}: ${stderr.trim()}`)
      const { version, cwd } = (await (await sandbox.get('/')).json()) as { version: string; cwd: string }
      verdict.expect(version === `r${n}` && cwd === releaseFolder(n), `${version} serves in ${cwd}`)
      const env: unknown = await (await sandbox.get('/env?k=RELEASE')).json()
      verdict.expect(env === String(n), `RELEASE is ${JSON.stringify(env)}`)
    }
    rmSync(releaseFolder(1), { recursive: true })
    // The next release is in place but not reloaded yet, and the one that serves is cleared away.
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
    verdict.expect(
      Number.isFinite(backMs),
      `a worker of a deleted release did not come back: ${server.stderr}`,
    )
    verdict.expect((await sandbox.version()) === 'r3', `${await sandbox.version()} serves`)
    const report = await load.stop()
    const lostGets = report.examples.filter((example) => example.includes('GET /?'))
    verdict.expect(lostGets.length === 0, lostGets.join('; '))
    verdict.figure(
      `code, cwd and .env follow the link; respawn from a deleted release ${Math.round(backMs)} ms`,
    )
  },
}

const S57: BlackBoxScenario = {
  id: 'S57',
  title: 'an application that writes into its own tree at each request',
  async run(sandbox, verdict) {
    const server = await sandbox.serve({ mode: 'dev', workers: 2 })
    const before = await admitted(sandbox)
    for (let n = 0; n < 100; n++) {
      await sandbox.get(`/write?path=${encodeURIComponent(join(sandbox.app, 'visits.txt'))}`)
      await Bun.sleep(60)
    }
    await Bun.sleep(QUIET_MS)
    const reloads = (await admitted(sandbox)) - before
    verdict.expect(reloads <= 1, `${reloads} reloads`)
    verdict.expect(server.stderr.includes('visits.txt'), `no warning names the file: ${server.stderr.trim()}`)
    verdict.figure(
      `${reloads} ${reloads === 1 ? 'reload' : 'reloads'} for 100 writes, and one warning that names the file`,
    )
  },
}

/** A user namespace of its own, in which the kernel allows hardly any watches. */
const FEW_WATCHES = [
  'unshare',
  '-Ur',
  'sh',
  '-c',
  'echo 128 > /proc/sys/user/max_inotify_watches && exec "$@"',
  'sh',
]

const S58: BlackBoxScenario = {
  id: 'S58',
  title: 'a tree of 100,000 files with 128 inotify watches',
  async run(sandbox, verdict) {
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
    const ms = await expectServed(sandbox, verdict, { version: 'seen', limitMs: 3000, how: 'an edit' })
    const warnings = server.stderr
      .split('\n')
      .filter((line) => /inotify|watch/.test(line) && /warning/.test(line))
    verdict.expect(startMs <= 2000, `it started in ${Math.round(startMs)} ms`)
    verdict.expect(share < 0.02, `it uses ${(share * 100).toFixed(1)} % of a processor at rest`)
    verdict.expect(warnings.length === 1, `${warnings.length} warnings: ${warnings.join('; ')}`)
    verdict.figure(
      `started in ${Math.round(startMs)} ms, ${(share * 100).toFixed(1)} % of a processor at rest, edit served after ${Math.round(ms)} ms`,
    )
  },
}

const S59: BlackBoxScenario = {
  id: 'S59',
  title: 'an edit while the one before is being proven',
  shortened: '10 times',
  async run(sandbox, verdict) {
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
      sandbox.deployWith(`v1-${n}`, 'await Bun.sleep(600)')
      await Bun.sleep(150 + n * 30)
      sandbox.deploy(`v2-${n}`)
      await expectServed(sandbox, verdict, { version: `v2-${n}`, limitMs: 2000, how: 'the newer edit' })
      await Bun.sleep(800)
    }
    looking = false
    await looked
    const stale = [...seen].filter((version) => version.startsWith('v1-'))
    verdict.expect(stale.length === 0, `served although it was outdated: ${stale.join(', ')}`)
    verdict.figure(`10 newer edits, ${stale.length} outdated ones served`)
  },
}

const S60: BlackBoxScenario = {
  id: 'S60',
  title: 'development: break the file and fix it, somebody looks on',
  async run(sandbox, verdict) {
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
      verdict.expect(message.includes('version.ts'), `the refusal says: ${message}`)
      verdict.expect((await sandbox.version()) !== undefined, 'nothing serves while it is broken')
      const startedAt = performance.now()
      sandbox.deploy(`fixed-${n}`)
      await expectServed(sandbox, verdict, { version: `fixed-${n}`, limitMs: 1000, how: 'the fix' })
      fixedMs.push(performance.now() - startedAt)
    }
    looking = false
    await looked
    const [slowest, slowestFix] = [Math.max(...brokeMs), Math.max(...fixedMs)]
    verdict.expect(slowest <= 800, `a mistake was told after ${Math.round(slowest)} ms`)
    verdict.expect(refused === 0, `refused ${refused} times`)
    verdict.figure(
      `10 mistakes told within ${Math.round(slowest)} ms, 10 fixes served within ${Math.round(slowestFix)} ms, ${refused} connections refused`,
    )
  },
}

const S61: BlackBoxScenario = {
  id: 'S61',
  title: 'production with --hotfix: 50 edits under load, 10 of them broken',
  async run(sandbox, verdict) {
    await sandbox.serve({ flags: ['--hotfix'] })
    const load = sandbox.startLoad()
    for (let n = 1; n <= 50; n++) {
      const before = await reloads(sandbox)
      if (n % 5 === 0) writeFileSync(join(sandbox.app, 'version.ts'), `broken ( ${n}\n`)
      else sandbox.deploy(`h${n}`)
      await until(`edit ${n} is judged`, async () => (await reloads(sandbox)) > before)
    }
    expectNothingFailed(verdict, await load.stop())
    const { reloads: count } = (await sandbox.status()) ?? {}
    verdict.expect(count?.admitted === 41, `${count?.admitted} admitted, the first one included`)
    verdict.expect(count?.refused === 10, `${count?.refused} refused`)
    verdict.expect((await sandbox.version()) === 'h49', `${await sandbox.version()} serves`)
    verdict.figure(`${(count?.admitted ?? 0) - 1} admitted, ${count?.refused} refused`)
  },
}

async function reloads(sandbox: Sandbox): Promise<number> {
  const { admitted: yes = 0, refused: no = 0 } = (await sandbox.status())?.reloads ?? {}
  return yes + no
}

export const WATCHING: readonly BlackBoxScenario[] = [S54, S55, S56, S57, S58, S59, S60, S61]
