import { afterEach, expect, test } from 'bun:test'
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { until } from '@rip/testing'
import { createChangeDetector } from '../../src/watch/change-detector.ts'
import { type ContentTree, createContentTree } from '../../src/watch/content-tree.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'
import type { Watcher } from '../../src/contract/ports.ts'

const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

interface Watched {
  readonly folder: TemporaryFolder
  readonly tree: ContentTree
  readonly detector: Watcher
  readonly wakes: () => number
  readonly warnings: string[]
}

/** Starts a watcher whose sweep is too rare to matter, unless a test is about it: events have to suffice. */
async function watched(
  options: {
    root?: string
    sweepMs?: number
    debounceMs?: number
    prepare?: (folder: TemporaryFolder) => void
  } = {},
): Promise<Watched> {
  const folder = await temporaryFolder()
  writeFileSync(folder.at('app.ts'), 'version 1')
  mkdirSync(folder.at('src'))
  writeFileSync(folder.at('src/a.ts'), 'a 1')
  options.prepare?.(folder)
  const root = folder.at(options.root ?? '')
  const tree = createContentTree({ root })
  let wakes = 0
  const warnings: string[] = []
  const detector = createChangeDetector({
    tree,
    sweepMs: options.sweepMs ?? 60_000,
    debounceMs: options.debounceMs ?? 50,
    maxDebounceMs: 1_000,
    onWarning: (text) => warnings.push(text),
  })
  open.push(folder, { [Symbol.asyncDispose]: () => detector.close() })
  await detector.start(root, () => void (wakes += 1))
  return { folder, tree, detector, wakes: () => wakes, warnings }
}

/** Long enough for a second wake of the same change to show: twice the longest quiet time. */
const QUIET_MS = 500

async function expectOneWake({ wakes }: Watched, before: number): Promise<void> {
  await until('a wake', () => wakes() > before)
  await Bun.sleep(QUIET_MS)
  expect(wakes()).toBe(before + 1)
}

test.each<[string, (folder: TemporaryFolder) => void | Promise<void>]>([
  ['written in place', (folder) => writeFileSync(folder.at('src/a.ts'), 'a 2')],
  [
    'written to a temporary file and renamed',
    (folder) => {
      writeFileSync(folder.at('src/.a.ts.tmp'), 'a 2')
      renameSync(folder.at('src/.a.ts.tmp'), folder.at('src/a.ts'))
    },
  ],
  [
    'truncated, then written in two pieces',
    async (folder) => {
      writeFileSync(folder.at('src/a.ts'), '')
      await Bun.sleep(20)
      appendFileSync(folder.at('src/a.ts'), 'a ')
      await Bun.sleep(20)
      appendFileSync(folder.at('src/a.ts'), '2')
    },
  ],
  [
    'moved to a backup and created anew',
    (folder) => {
      renameSync(folder.at('src/a.ts'), folder.at('src/a.ts~'))
      writeFileSync(folder.at('src/a.ts'), 'a 2')
    },
  ],
  ['deleted', (folder) => rmSync(folder.at('src/a.ts'))],
])('a file that is %s is one change', async (_, save) => {
  const all = await watched({ debounceMs: 200 })
  await save(all.folder)
  await expectOneWake(all, 0)
})

test('each save of a file is seen, whichever way an editor saves', async () => {
  const all = await watched()
  for (let version = 2; version < 12; version += 1) {
    const path = all.folder.at('src/a.ts')
    if (version % 3 === 0) rmSync(path)
    if (version % 3 === 1) {
      writeFileSync(`${path}.tmp`, `a ${version}`)
      renameSync(`${path}.tmp`, path)
    } else {
      writeFileSync(path, `a ${version}`)
    }
    await until(`version ${version}`, () => all.wakes() === version - 1)
  }
})

test('a new folder, a file in it, its edit, its removal and its return are seen', async () => {
  const all = await watched()
  const steps: readonly (() => void)[] = [
    () => {
      mkdirSync(all.folder.at('lib/deep'), { recursive: true })
      writeFileSync(all.folder.at('lib/deep/x.ts'), '1')
    },
    () => writeFileSync(all.folder.at('lib/deep/x.ts'), '2'),
    () => rmSync(all.folder.at('lib'), { recursive: true }),
    () => {
      mkdirSync(all.folder.at('lib/deep'), { recursive: true })
      writeFileSync(all.folder.at('lib/deep/x.ts'), '3')
    },
    () => writeFileSync(all.folder.at('lib/deep/x.ts'), '4'),
  ]
  for (const [index, step] of steps.entries()) {
    step()
    await until(`step ${index}`, () => all.wakes() === index + 1)
  }
})

test('a checkout of 500 files is one change', async () => {
  const files = Array.from({ length: 500 }, (_, index) => `src/d${index % 20}/f${index}.ts`)
  const git = (folder: TemporaryFolder, ...words: readonly string[]): void => {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'commit.gpgsign=false']
    const { success, stderr } = Bun.spawnSync(['git', ...identity, ...words], { cwd: folder.path })
    if (!success) throw new Error(stderr.toString())
  }
  const all = await watched({
    prepare(folder) {
      for (let index = 0; index < 20; index += 1) mkdirSync(folder.at(`src/d${index}`))
      git(folder, 'init', '-q', '-b', 'one')
      for (const version of ['one', 'two']) {
        if (version === 'two') git(folder, 'checkout', '-q', '-b', 'two')
        for (const file of files) writeFileSync(folder.at(file), `${file} ${version}`)
        git(folder, 'add', '.')
        git(folder, 'commit', '-q', '-m', version)
      }
      git(folder, 'checkout', '-q', 'one')
    },
  })
  git(all.folder, 'checkout', '-q', 'two')
  await expectOneWake(all, 0)
  const { files: now } = await all.tree.read()
  expect(now.get('src/d0/f0.ts')).toBe(
    new Bun.CryptoHasher('sha256').update('src/d0/f0.ts two').digest('hex'),
  )
}, 20_000)

test('a touch, and writing the same content again, are no change', async () => {
  const all = await watched()
  utimesSync(all.folder.at('src/a.ts'), new Date(), new Date())
  writeFileSync(all.folder.at('app.ts'), 'version 1')
  writeFileSync(all.folder.at('server.log'), 'x')
  mkdirSync(all.folder.at('node_modules/x'), { recursive: true })
  writeFileSync(all.folder.at('node_modules/x/index.js'), 'x')
  await Bun.sleep(QUIET_MS)
  expect(all.wakes()).toBe(0)
})

test('swapping the link of the root is a change, and so are later changes behind it', async () => {
  const all = await watched({
    root: 'current',
    prepare(folder) {
      for (const release of ['1', '2']) {
        mkdirSync(folder.at('releases', release), { recursive: true })
        writeFileSync(folder.at('releases', release, 'app.ts'), 'same')
      }
      symlinkSync('releases/1', folder.at('current'))
    },
    sweepMs: 100,
  })
  symlinkSync('releases/2', all.folder.at('next'))
  renameSync(all.folder.at('next'), all.folder.at('current'))
  await until('the swap', () => all.wakes() === 1)
  rmSync(all.folder.at('releases/1'), { recursive: true })
  writeFileSync(all.folder.at('releases/2/app.ts'), 'other')
  await until('the edit', () => all.wakes() === 2)
})

test('a root that is removed and created again is watched again', async () => {
  const all = await watched({ sweepMs: 100 })
  rmSync(all.folder.path, { recursive: true })
  mkdirSync(all.folder.path)
  writeFileSync(all.folder.at('app.ts'), 'version 2')
  await until('the new root', () => all.wakes() === 1)
  await Bun.sleep(300)
  writeFileSync(all.folder.at('app.ts'), 'version 3')
  await until('the edit', () => all.wakes() === 2)
})

const limited = 'echo 3 > /proc/sys/user/max_inotify_watches'

function canLimitWatches(): boolean {
  return Bun.spawnSync(['unshare', '-Ur', 'sh', '-c', limited], { stdio: ['ignore', 'ignore', 'ignore'] })
    .success
}

/** What a program prints that watches a tree with too few watches, until an edit of one of its files was noticed. */
async function editedBlindly(sweepMs: number, imports: readonly string[]): Promise<string> {
  const folder = await temporaryFolder()
  open.push(folder)
  for (let index = 0; index < 20; index += 1) mkdirSync(folder.at(`app/d${index}`), { recursive: true })
  writeFileSync(folder.at('app/d9/a.ts'), '1')
  const source = (name: string): string =>
    JSON.stringify(new URL(`../../src/watch/${name}.ts`, import.meta.url).pathname)
  await Bun.write(
    folder.at('main.ts'),
    `import { createChangeDetector } from ${source('change-detector')}
     import { createContentTree } from ${source('content-tree')}
     const root = ${JSON.stringify(folder.at('app'))}
     const onWarning = (text) => console.log('warning ' + text)
     const tree = createContentTree({ root })
     const files = ${JSON.stringify(imports)}.map((path) => root + '/' + path)
     tree.follow({ files })
     const detector = createChangeDetector({ tree, sweepMs: ${sweepMs}, onWarning })
     await detector.start(root, () => console.log('wake'))
     console.log('watching')`,
  )
  const child = Bun.spawn(
    ['unshare', '-Ur', 'sh', '-c', `${limited}; exec ${process.execPath} ${folder.at('main.ts')}`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let output = ''
  void (async () => {
    for await (const chunk of child.stdout) output += Buffer.from(chunk).toString()
  })()
  await until('it to watch', () => output.includes('watching'))
  writeFileSync(folder.at('app/d9/a.ts'), '2')
  await until('the edit', () => output.includes('wake'))
  child.kill('SIGKILL')
  await child.exited
  return output
}

test.skipIf(!canLimitWatches())(
  'without enough watches it sweeps, and says so once (needs a user namespace)',
  async () => {
    const output = await editedBlindly(50, [])
    expect(output.match(/warning cannot watch .*ENOSPC.*max_user_watches/g)).toHaveLength(1)
  },
)

test.skipIf(!canLimitWatches())(
  'without enough watches an edit of what the code imports needs no sweep (needs a user namespace)',
  async () => {
    expect(await editedBlindly(60_000, ['d9/a.ts'])).toContain('wake')
  },
)

test('closing during the start ends the start as well', async () => {
  await using folder = await temporaryFolder()
  writeFileSync(folder.at('app.ts'), 'version 1')
  for (const waits of [false, true]) {
    const detector = createChangeDetector({ tree: createContentTree({ root: folder.path }), sweepMs: 60_000 })
    const starting = detector.start(folder.path, () => {})
    if (waits) await Promise.resolve()
    await detector.close()
    await starting
  }
})
