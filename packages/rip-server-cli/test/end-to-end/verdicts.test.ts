import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ManagerStatus } from '@rip/manager'
import { type Finished, Sandbox, type Server, until } from '../server.ts'

const TEST_TIMEOUT_MS = 600_000
const PAGE = fileURLToPath(new URL('../../../../docs/verdicts.md', import.meta.url))
/** Number of scenes played at the same time. */
const AT_ONCE = 3

type Version = 'good' | 'bad' | 'fixed'

/** Starts, is healthy, and answers with its version; the bad one with failures. */
const codeOf = (version: Version): string =>
  `export default () => new Response('${version}', { status: ${version === 'bad' ? 500 : 200} })\n`

/** One application on disk, and the actions of an operator. */
class Scene implements AsyncDisposable {
  readonly #sandbox: Sandbox
  #server: Server | undefined
  #url = ''
  /** Names of generations on the page. */
  readonly #names = new Map<string, Version>()

  private constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
  }

  /** Good code serves. */
  static async open(): Promise<Scene> {
    const scene = new Scene(await Sandbox.create())
    await scene.put('good')
    await scene.start()
    await scene.#learn('good')
    return scene
  }

  put(version: Version): Promise<void> {
    return writeFile(join(this.#sandbox.folder, 'index.js'), codeOf(version))
  }

  async start(): Promise<void> {
    this.#server = await this.#sandbox.start(this.#sandbox.folder, 'w:1', '0', '-b', '127.0.0.1')
    this.#url = this.#server.url
  }

  async #learn(version: Version): Promise<void> {
    this.#names.set((await this.status()).generation!, version)
  }

  /** Bad code is released while clients send requests, and is taken back. */
  async takeBack(): Promise<void> {
    await this.put('bad')
    const reload = this.run('reload', '--wait')
    let isOver = false
    void reload.finally(() => (isOver = true))
    while (!isOver) await fetch(this.#url, { keepalive: false }).then((response) => response.text())
    expect((await reload).code).toBe(8)
    await this.#learnBad()
  }

  /** Bad code is released, and an operator rolls back. */
  async returnFrom(): Promise<void> {
    await this.put('bad')
    expect((await this.run('reload')).code).toBe(0)
    expect((await this.run('rollback')).code).toBe(0)
    await this.#learnBad()
  }

  async #learnBad(): Promise<void> {
    this.#names.set((await this.status()).disk!.generation, 'bad')
    const { disk, generation } = await this.status()
    expect(disk?.verdict).not.toBeNull()
    await this.copyOf(generation!)
  }

  /** Waits for the copy of the good code, which is made in the background. */
  async copyOf(generation: string): Promise<void> {
    await until('there is a copy', async () => (await this.#stateFiles()).includes(generation))
  }

  async #stateFiles(): Promise<string[]> {
    const base = join(this.#sandbox.folder, 'state/rip-server')
    const [instance] = await readdir(base).catch(() => [])
    return instance === undefined ? [] : readdir(join(base, instance))
  }

  /** Other code is put on disk and serves. */
  async fix(version: Version): Promise<void> {
    await this.put(version)
    expect((await this.run('reload')).code).toBe(0)
    await this.#learn(version)
  }

  /** The copy is removed, and the verdicts are kept. */
  async loseCopy(): Promise<void> {
    const base = join(this.#sandbox.folder, 'state/rip-server')
    const [instance] = await readdir(base)
    for (const name of await this.#stateFiles())
      if (name !== 'verdicts.json') await rm(join(base, instance!, name), { recursive: true })
  }

  run(...args: string[]): Promise<Finished> {
    return this.#sandbox.run(...args)
  }

  async status(): Promise<ManagerStatus> {
    return JSON.parse((await this.run('status', '--json')).stdout) as ManagerStatus
  }

  /** The version that serves, from an answer. */
  async serves(): Promise<string> {
    return (await fetch(this.#url, { keepalive: false })).text()
  }

  /** Reboots the machine: processes and their files in `/run` are gone. */
  async reboot(): Promise<string> {
    for (const pid of await this.#sandbox.processes()) process.kill(pid, 'SIGKILL')
    await until('nothing runs', async () => (await this.#sandbox.processes()).length === 0)
    await rm(this.#sandbox.runDirs, { recursive: true, force: true })
    await this.start()
    return this.named((this.#server!.stderr.match(/^warning .+$/gm) ?? []).join(' '))
  }

  /** The text without parts that differ from run to run. */
  named(text: string): string {
    const names = [...this.#names].map(([generation, name]) => [generation.slice(0, 7), name] as const)
    const plain = names.reduce((result, [generation, name]) => result.replaceAll(generation, name), text)
    return plain
      .replaceAll(this.#sandbox.folder, '~')
      .replaceAll(/rip-\w+-[0-9a-f]{8}\b/g, 'shop-3a2b1c0d')
      .replaceAll(/\b(good|bad|fixed)[0-9a-f]{5}\b/g, '$1')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '03:12')
      .replaceAll(/(\d+) of \1 answers/g, '12 of 12 answers')
      .replaceAll(/ in \d[\d.]* m?s\b/g, ' in 90 ms')
      .replaceAll(/process \d+ → \d+/g, 'process 1207 → 1344')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#sandbox[Symbol.asyncDispose]()
  }
}

/** The result of one step. */
interface Outcome {
  readonly serves: string
  /** Exit code of the command; `undefined` for a start. */
  readonly code: number | undefined
  readonly said: string
  /** Exit code of `status` after the step. */
  readonly status: number
}

type Step = (scene: Scene) => Promise<{ readonly code: number | undefined; readonly said: string }>

const command =
  (...args: string[]): Step =>
  async (scene) => {
    const { code, stdout, stderr } = await scene.run(...args)
    return { code, said: scene.named(`${stdout}${stderr}`.trim().replaceAll('\n', ' ')) }
  }

const steps = {
  rollback: command('rollback'),
  'rollback --force': command('rollback', '--force'),
  reload: command('reload'),
  'reload --force': command('reload', '--force'),
  'restart --manager': command('restart', '--manager'),
  'a new start': async (scene) => ({ code: undefined, said: await scene.reboot() }),
} satisfies Readonly<Record<string, Step>>

type StepName = keyof typeof steps

async function take(scene: Scene, name: StepName): Promise<Outcome> {
  const { code, said } = await steps[name](scene)
  const isCondemned = await hasVerdict(scene)
  const { code: status, stdout } = await scene.run('status')
  // The failed answers of bad code in the last minute do not matter here.
  const isFailing = /^health +failing/m.test(stdout)
  expect(status).toBe(isCondemned || isFailing ? 1 : 0)
  return { code, said, status: isCondemned ? 1 : 0, serves: await scene.serves() }
}

async function hasVerdict(scene: Scene): Promise<boolean> {
  const { disk, condemned } = await scene.status()
  return condemned !== null || (disk !== null && disk.verdict !== null)
}

const states: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  'bad code was taken back and is on disk': (scene) => scene.takeBack(),
  'an operator rolled back from bad code, which is on disk': (scene) => scene.returnFrom(),
  'bad code was taken back, fixed code is on disk and serves': async (scene) => {
    await scene.takeBack()
    await scene.fix('fixed')
  },
  'bad code was taken back and is on disk, the copy of good code is lost': async (scene) => {
    await scene.takeBack()
    await scene.loseCopy()
  },
}

const disks: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  'the bad code that was taken back': (scene) => scene.takeBack(),
  'good code again, after bad code was taken back': async (scene) => {
    await scene.takeBack()
    await scene.put('good')
  },
}

const orders: readonly (readonly StepName[])[] = [
  ['rollback', 'restart --manager', 'a new start'],
  ['rollback', 'a new start', 'restart --manager'],
  ['restart --manager', 'rollback', 'a new start'],
  ['restart --manager', 'a new start', 'rollback'],
  ['a new start', 'rollback', 'restart --manager'],
  ['a new start', 'restart --manager', 'rollback'],
]

/** Letters for the long messages in the tables. */
class Messages {
  readonly #letters = new Map<string, string>()

  letterOf(message: string): string {
    const letter = this.#letters.get(message) ?? String.fromCodePoint(97 + this.#letters.size)
    this.#letters.set(message, letter)
    return letter
  }

  get list(): readonly string[] {
    return [...this.#letters].map(([message, letter]) => `- (${letter}) \`${message}\``)
  }
}

function cell({ serves, code, said, status }: Outcome, messages: Messages): string {
  const exit = code === undefined ? '' : `, exit ${code}`
  const letter = said === '' ? '' : ` (${messages.letterOf(said)})`
  return `**${serves}**${exit}${letter}, status ${status}`
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** Everything between the two marks of the page. */
const GENERATED = /(?<=^<!-- generated -->\n\n)[^]*(?=\n\n<!-- end -->$)/m

interface Job {
  readonly prepare: (scene: Scene) => Promise<void>
  readonly names: readonly StepName[]
}

async function play({ prepare, names }: Job): Promise<readonly Outcome[]> {
  await using scene = await Scene.open()
  await prepare(scene)
  const outcomes: Outcome[] = []
  for (const name of names) outcomes.push(await take(scene, name))
  return outcomes
}

/** Plays a few jobs at a time, in order. */
async function playAll(jobs: readonly Job[]): Promise<readonly (readonly Outcome[])[]> {
  const played: (readonly Outcome[])[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let at = next++; at < jobs.length; at = next++) played[at] = await play(jobs[at]!)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return played
}

describe('verdicts are kept', () => {
  test(
    'as docs/verdicts.md says, for commands in any order',
    async () => {
      const names = Object.keys(steps) as StepName[]
      const single = Object.values(states).flatMap((prepare) =>
        names.map((name) => ({ prepare, names: [name] })),
      )
      const several = Object.values(disks).flatMap((prepare) =>
        orders.map((order) => ({ prepare, names: order })),
      )
      const played = await playAll([...single, ...several])
      const messages = new Messages()
      const texts = played.map((outcomes) => outcomes.map((outcome) => cell(outcome, messages)))
      const titles = Object.keys(states)
      const first = names.map((name, row) => [
        name,
        ...titles.map((_, column) => texts[column * names.length + row]![0]!),
      ])
      const second = Object.keys(disks).flatMap((disk, group) =>
        orders.map((order, row) => {
          const cells = texts[single.length + group * orders.length + row]!
          return [disk, ...order.map((name, at) => `${name}: ${cells[at]}`)]
        }),
      )
      const generated = [
        tableOf(['', ...titles], first),
        tableOf(['on disk', 'first', 'then', 'then'], second),
        messages.list.join('\n'),
      ].join('\n\n')
      if (process.env['RIP_WRITE_DOCS'] === '1') {
        writeFileSync(
          PAGE,
          readFileSync(PAGE, 'utf8').replace(GENERATED, () => generated),
        )
      }
      expect(GENERATED.exec(readFileSync(PAGE, 'utf8'))?.[0]).toBe(generated)
      // Independent of the page: condemned code serves only if an operator insists, or there is no other.
      const served = played.flat().filter(({ serves }) => serves === 'bad')
      expect(served.length).toBe(8)
    },
    TEST_TIMEOUT_MS,
  )
})
