/** Provokes what the documents say of exit codes, errors and options, each of them at least once. */
import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Refusal, WorkerStatus } from '@rip/manager'
import { type ServerErrorCode, settingNames, settingSpecs, type SettingName } from '@rip/server/settings'
import { commands } from '../src/command-line/commands.ts'
import { options } from '../src/command-line/options.ts'
import type { CliErrorCode } from '../src/errors.ts'
import { ExitCode } from '../src/exit-code.ts'
import { CommandSandbox, type Answers } from './in-process.ts'

/** A command line that fails, and what it says. */
interface Provocation {
  readonly args: readonly string[]
  readonly code: number
  readonly says: string
  /** Of the server that is asked. @default none runs */
  readonly answers?: Answers
  readonly prepare?: (sandbox: CommandSandbox) => unknown
}

/** The test that provokes it with a real server, or as another user. */
interface Elsewhere {
  readonly file: string
  readonly title: string
}

const refusal = (code: Refusal['code']): Answers => ({
  manager: {
    reload: async () => ({
      ok: false,
      refusal: { code, generation: 'abcdef0123', message: 'that is why', atMs: 0 },
    }),
  },
})
const worker = {
  slot: 1,
  incarnation: 1,
  pid: 4711,
  state: 'ready',
  generation: 'abcdef0123',
  loopLagMs: 0,
  rssBytes: 1,
  sinceMs: 0,
} as unknown as WorkerStatus
const unreadable: Answers = {
  status: { workers: [worker] },
  manager: { inspect: async () => ({ bytes: 5, parts: pieces('no JS') }) },
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

const write = (name: string, content: string) => (sandbox: CommandSandbox) =>
  writeFileSync(join(sandbox.folder, name), content)

const ofCommandLine: Readonly<Record<CliErrorCode, Provocation | Elsewhere>> = {
  USAGE: { args: ['--xyzzy'], code: 2, says: 'unknown option --xyzzy' },
  APP_BROKEN: {
    file: 'end-to-end/refusals.test.ts',
    title: 'an application that throws while it is loaded: exit 4, with the reason',
  },
  BOOT_FAILED: {
    file: 'end-to-end/refusals.test.ts',
    title: 'a worker that does not become ready: exit 3, with the reason',
  },
  NOT_RUNNING: { args: ['status'], code: 7, says: 'nothing is running' },
  OF_ANOTHER_USER: { file: 'end-to-end/user.test.ts', title: 'is owned by root' },
  SEVERAL_RUNNING: {
    args: ['status'],
    code: 2,
    says: '2 instances are running (one, shop); choose one with --name',
    answers: {},
    prepare: (sandbox) => sandbox.pretend('one'),
  },
  RELOAD_REFUSED: {
    args: ['reload'],
    code: 8,
    says: 'refused, the running code goes on serving: that is why',
    answers: refusal('boot-failed'),
  },
  TAKEN_BACK: {
    args: ['reload', '--wait', '--reason', 'deploy 42', '--force'],
    code: 8,
    says: 'abcdef0 was taken back, the previous code serves again: that is why',
    answers: refusal('rolled-back'),
  },
  CONFIG_REFUSED: {
    args: ['reload'],
    code: 5,
    says: 'refused, nothing has changed: that is why',
    answers: refusal('config-invalid'),
  },
  DRAIN_INCOMPLETE: {
    args: ['stop', '--now'],
    code: 1,
    says: 'stopped, but 2 requests were cut off at the deadline',
    answers: { stop: { abandoned: 2 } },
  },
  NO_WORKER: { args: ['inspect', 'w9'], code: 2, says: 'there is no worker w9', answers: {} },
  NO_REQUEST: { args: ['trace', 'nope'], code: 1, says: 'nothing is known of a request nope', answers: {} },
  FINDING_UNREADABLE: {
    args: ['inspect', 'w1', '--cpu', '--for', '1ms'],
    code: 1,
    says: 'what w1.1 sent is no',
    answers: unreadable,
  },
  FILE_NOT_MADE: {
    args: ['inspect', 'w1', '--cpu-profile', 'no/such/folder', '--for', '1ms'],
    code: 1,
    says: 'cannot be written: ',
    answers: unreadable,
  },
  APPLICATION_EXISTS: {
    args: ['init', '--template', 'hono'],
    code: 1,
    says: 'has an application already (app.ts, found by its name), so nothing was written',
    prepare: write('app.ts', 'export default () => new Response()'),
  },
  FILES_EXIST: {
    args: ['init'],
    code: 1,
    says: 'init overwrites nothing',
    prepare: write('app.test.rip', ''),
  },
  NOT_INSTALLED: { file: 'starter/init.test.ts', title: "'NOT_INSTALLED'" },
  NO_APPLICATION: { args: ['dev', 'nowhere'], code: 4, says: 'writes an application to begin with' },
  TIMED_OUT: {
    args: ['reload', '--timeout', '20ms'],
    code: 9,
    says: 'reload did not finish within 20 ms; it may still do',
    answers: { manager: { reload: () => new Promise(() => {}) } },
  },
}

const ofServer: Readonly<Record<ServerErrorCode, Provocation | Elsewhere>> = {
  FLAGS_INVALID: {
    args: ['config', '--port', '99999'],
    code: 2,
    says: '--port: expected a whole number',
  },
  CONFIG_INVALID: {
    args: ['config'],
    code: 5,
    says: 'unknown key prot; did you mean port?',
    prepare: write('rip-server.config.ts', 'export default { prot: 1 }'),
  },
  CONFIG_UNREADABLE: { args: ['config', '--config', 'nowhere.ts'], code: 5, says: 'nowhere.ts' },
  FILE_REFUSED: {
    args: ['config'],
    code: 5,
    says: '.env',
    prepare: write('.env', `# ${'x'.repeat(1_100_000)}`),
  },
  APP_NOT_FOUND: { args: ['check', 'nowhere'], code: 4, says: 'nowhere' },
  NOT_STARTED: { file: '../../rip-server/test/server/server.test.ts', title: "code: 'NOT_STARTED'" },
  CLOSED: { file: '../../rip-server/test/server/server.test.ts', title: "code: 'CLOSED'" },
}

/** What only a server that is started can end with. */
const ofStart: Readonly<Record<string, Elsewhere>> = {
  [ExitCode.bootFailed]: { file: 'end-to-end/refusals.test.ts', title: 'exit 3, with the reason' },
  [ExitCode.alreadyRunning]: {
    file: 'end-to-end/refusals.test.ts',
    title: 'a second instance: exit 6 with the pid',
  },
}

const cases = Object.entries({ ...ofCommandLine, ...ofServer })

async function provoke({ args, answers, prepare }: Provocation) {
  await using sandbox = new CommandSandbox()
  await prepare?.(sandbox)
  if (answers !== undefined) await sandbox.pretend('shop', answers)
  return await sandbox.run(...args)
}

describe('an error of the documents is provoked', () => {
  for (const [name, each] of cases) {
    if ('args' in each)
      test(`${name}: rip-server ${each.args.join(' ')}`, async () => {
        const { code, stderr } = await provoke(each)
        expect([code, stderr]).toEqual([each.code, expect.stringContaining(each.says)])
      })
    else
      test(`${name}: in ${each.file}`, () => {
        expect(readFileSync(new URL(each.file, import.meta.url), 'utf8')).toContain(each.title)
      })
  }
})

test('each exit code is provoked', () => {
  const provoked = new Set<number>(cases.flatMap(([, each]) => ('args' in each ? [each.code] : [])))
  for (const { file, title } of Object.values(ofStart))
    expect(readFileSync(new URL(file, import.meta.url), 'utf8')).toContain(title)
  const elsewhere = Object.keys(ofStart).map(Number)
  const missing = Object.values(ExitCode).filter((code) => !provoked.has(code) && !elsewhere.includes(code))
  // What succeeds is below.
  expect(missing).toEqual([ExitCode.done])
})

test('with --json, inspect prints what it found before it failed, and why it failed', async () => {
  const { code, stdout, stderr } = await provoke({
    args: ['inspect', 'w1', '--cpu', '--for', '1ms', '--json'],
    code: 1,
    says: '',
    answers: unreadable,
  })
  expect([code, stderr]).toEqual([1, expect.stringContaining('what w1.1 sent is no')])
  expect(JSON.parse(stdout)).toMatchObject({
    process: { pid: 4711 },
    error: { code: 'FINDING_UNREADABLE', message: expect.stringContaining('what w1.1 sent is no') },
  })
  const missing = await provoke({ args: ['inspect', 'w9', '--json'], code: 2, says: '', answers: {} })
  expect(JSON.parse(missing.stdout)).toEqual({
    error: { code: 'NO_WORKER', message: expect.stringContaining('there is no worker w9') },
  })
})

test('with --quiet, status is an exit code, and doctor tells only what is wrong', async () => {
  await using sandbox = new CommandSandbox()
  await sandbox.pretend('shop', { status: { health: 'degraded' } })
  expect((await sandbox.run('status')).stdout).toContain('degraded')
  expect(await sandbox.run('status', '--quiet')).toEqual({ code: 1, stdout: '', stderr: '' })
  expect(JSON.parse((await sandbox.run('status', '-q', '--json')).stdout)).toMatchObject({ name: 'shop' })
  expect((await sandbox.run('doctor')).stdout).toMatch(/^ok /m)
  expect((await sandbox.run('doctor', '--quiet')).stdout).not.toMatch(/^ok /m)
})

test('each option is given to a command by a test', async () => {
  await using sandbox = new CommandSandbox()
  await sandbox.pretend('shop')
  writeFileSync(join(sandbox.folder, 'app.ts'), '')
  const settings = [
    '--app',
    'app.ts',
    '--memory-budget',
    '80%',
    '--max-lifetime',
    '1h',
    '--health-host',
    'shop.test',
  ]
  const { stdout } = await sandbox.run('config', ...settings)
  for (const shown of ['app.ts', '80%', '3600000 ms', 'shop.test']) expect(stdout).toContain(shown)
  expect(await sandbox.run('ps', '--names', '--no-color', '--quiet')).toEqual({
    code: 0,
    stdout: 'shop\n',
    stderr: '',
  })
  expect((await sandbox.run('help', '--man')).stdout).toStartWith('.TH RIP')
  for (const [args, says] of [
    [['logs', '--lines', 'all'], '--lines: expected a number of lines, got "all"'],
    [['logs', '--follow', '--no-follow'], '--follow and --no-follow contradict each other'],
    [['logs', '--grep', 'f('], '--grep: expected a regular expression'],
    [['events', '--since', 'soon'], '--since: expected how long ago, such as 10m'],
    [['logs', '--json', '--log-format', 'raw'], '--log-format: expected json, as --json was given'],
    [['inspect', '--for', '2m'], '--for: expected a duration of more than 0 and at most 1m'],
    [['reload', '--timeout', '5'], '--timeout: expected a duration'],
    [['completion', 'csh'], 'there is a script for bash, zsh, fish'],
  ] as const) {
    const { code, stderr } = await sandbox.run(...args)
    expect([args, code, stderr]).toEqual([args, 2, expect.stringContaining(says)])
  }
  const tests = new Bun.Glob('**/*.test.ts').scanSync(import.meta.dir)
  const text = [...tests].map((file) => readFileSync(join(import.meta.dir, file), 'utf8')).join('\n')
  const used = new Set(commands.flatMap(({ flags }) => flags))
  const isGiven = (flag: string): boolean => new RegExp(`--${flag}(?![\\w-])`).test(text)
  expect([...options.keys()].filter((flag) => !isGiven(flag))).toEqual([])
  expect([...options.keys()].filter((flag) => !used.has(flag))).toEqual(['no-color', 'help', 'version'])
})

/** A value that each setting refuses. Of those without one, any text is a value. */
const refused: Readonly<Record<SettingName, string | undefined>> = {
  app: '',
  command: ' ',
  static: '',
  background: '',
  port: '70000',
  bind: 'unix:',
  ops: 'nowhere',
  workers: '0',
  concurrency: 'many',
  maxRequests: '-1',
  maxMemoryBytes: '512',
  memoryBudgetShare: '0.9',
  maxLifetimeMs: '90',
  stopDelayMs: '10',
  drainTimeoutMs: 'soon',
  bootTimeoutMs: '0s',
  hotfix: undefined,
  health: 'up',
  healthHost: 'a b',
  allowHosts: 'a/b',
  live: undefined,
  install: undefined,
  tlsCert: '',
  tlsKey: '',
  maxBodyBytes: '10',
  accessLog: 'xml',
  logFormat: 'xml',
  rollbackWindowMs: '10',
  user: 'a b c',
  balancerUser: ':',
  name: 'a/b',
  runDir: '',
}

test('each setting refuses a bad value, by its flag and with what it expects instead, all at once', async () => {
  await using sandbox = new CommandSandbox()
  const bad = settingNames.filter((name) => refused[name] !== undefined)
  const args = bad
    .filter((name) => name !== 'app')
    .map((name) => `--${settingSpecs[name].flag}=${refused[name]}`)
  const { code, stderr } = await sandbox.run('config', ...args)
  expect(code).toBe(2)
  for (const name of bad.filter((each) => each !== 'app'))
    expect(stderr).toMatch(new RegExp(`^ {2}--${settingSpecs[name].flag}: expected .*, got `, 'm'))
})
