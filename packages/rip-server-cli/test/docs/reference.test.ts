import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BalancerError } from '@rip/balancer'
import { ManagerError } from '@rip/manager'
import {
  ServerError,
  settingNames,
  type SettingName,
  type Settings,
  settingSpecs,
} from '@rip/server/settings'
import { envFileNames } from '../../../rip-server/src/settings/env-files.ts'
import { fileKey } from '../../../rip-server/src/settings/settings.ts'
import { settingsChange } from '../../../rip-server/src/settings/settings-change.ts'
import { WorkerError } from '../../../rip-worker/src/errors.ts'
import { CliError } from '../../src/errors.ts'
import { ExitCode } from '../../src/exit-code.ts'
import { expectedExitCode } from '../../src/expected-exit-code.ts'
import { expectGenerated } from './generated.ts'
import { DOCS, ROOT } from './page.ts'

const page = (name: string): string => readFileSync(join(DOCS, name), 'utf8')
const source = (path: string): string => readFileSync(join(ROOT, 'packages', path), 'utf8')

const code = (text: string): string => `\`${text}\``

/** Values that are no numbers, of settings that are shown by more than their text. */
const CHANGED: Partial<Record<SettingName, unknown>> = { command: 'x', static: ['x'], background: ['x'] }

/** What an operator does so that a change of the setting in the file takes effect. */
function takes(name: SettingName): string {
  const before = Object.fromEntries(
    settingNames.map((each) => [each, settingSpecs[each].fallback('production')]),
  ) as unknown as Settings
  const after = { ...before, [name]: CHANGED[name] ?? 7 }
  const started = { ...before, balancer: {} }
  const { pending } = settingsChange(started, started, { ...after, balancer: {} } as unknown as Settings)
  const [, needed = 'reload'] = / needs rip-server (.*)$/.exec(pending[0] ?? '') ?? []
  return code(needed)
}

describe('the page on the configuration', () => {
  test('has every setting with its flag, its variable, its default and what a change takes', () => {
    const rows = settingNames.map((name) => {
      const spec = settingSpecs[name]
      const short = spec.short === undefined ? '' : `, \`-${spec.short}\``
      const compact = spec.compact === undefined ? '' : `, \`${spec.compact}:\``
      const value = spec.value === undefined ? '' : ` ${spec.value}`
      return [
        code(fileKey(name)),
        `${code(`--${spec.flag}${value}`)}${short}${compact}${spec.env === undefined ? '' : `, \`$${spec.env}\``}`,
        spec.fallbackText,
        spec.summary,
        takes(name),
      ]
    })
    const head = ['key', 'flag, short forms, variable', 'default', 'what it does', 'a change takes']
    expectGenerated('configuration.md', 'settings', head, rows)
  })

  test('and that on the environment name the .env files of production in their order', () => {
    const files = [...page('environment-and-secrets.md').matchAll(/^\| `(\.env[\w.]*)` +\|/gm)]
    expect(files.map(([, name]) => name)).toEqual([...envFileNames('production')])
  })

  test('names every variable of the environment that our programs read', () => {
    const documented = page('configuration.md') + page('environment-and-secrets.md')
    const missing = [...variablesRead()].filter((name) => !documented.includes(`\`${name}\``))
    expect(missing.toSorted()).toEqual([])
  })
})

/** Between the processes of one server: set by us, for us. */
const OURS =
  /^RIP_(?:SOCKET|CONTROL|SNAPSHOT|MODE|CONCURRENCY|PUBLIC_URL|STATIC|APART|BOOT_TIMEOUT_MS|STANDBY|SUCCEEDS|PARENT_FD|PARENT_STOPS)$/
/** Of the shell, and of runtimes that other programs are. */
const COMMON =
  /^(?:PWD|PATH|SUDO_USER|NODE_OPTIONS|BUN_OPTIONS|npm_lifecycle_event|FILES|LISTEN_PID|WATCHDOG_PID)$/

function variablesRead(): ReadonlySet<string> {
  const names = new Set<string>()
  for (const [, text] of sourceFiles())
    for (const [, one, other] of text.matchAll(/\benv(?:\['(\w+)'\]|\.([A-Z][A-Z_]+)\b)/g))
      names.add((one ?? other)!)
  return new Set([...names].filter((name) => !OURS.test(name) && !COMMON.test(name)))
}

/** Sources of all packages, and their programs, by name. */
function sourceFiles(): readonly (readonly [name: string, text: string])[] {
  return readdirSync(join(ROOT, 'packages')).flatMap((name) =>
    ['src', 'bin'].flatMap((part) => {
      const folder = join(ROOT, 'packages', name, part)
      if (!existsSync(folder)) return []
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      const isSource = (file: string): boolean =>
        /\.c?ts$|\.cjs$|^rip-\w+$/.test(file) && !file.startsWith('testing')
      return files.filter(isSource).map((file) => [file, readFileSync(join(folder, file), 'utf8')] as const)
    }),
  )
}

describe('the page on exit codes and errors', () => {
  const PAGE = 'exit-codes-and-errors.md'

  test('has every exit code', () => {
    const rows = [...page(PAGE).matchAll(/^\| (\d+|128\+n) +\|/gm)].map(([, number]) => number)
    expect(rows).toEqual([...Object.values(ExitCode).map(String), '128+n'])
  })

  test('has every error of the command line, with its message and its exit code', () => {
    const rows = codesIn('rip-server-cli/src/errors.ts').map((name) => {
      const error = new CliError(name as 'USAGE', detail())
      return [code(name), String(error.exitCode), error.message]
    })
    expectGenerated(PAGE, 'command-line', ['code', 'exit', 'message'], rows)
  })

  test('has every error of the settings and of the server', () => {
    const settings = codesIn('rip-server/src/errors.ts').map(
      (name) => new ServerError(name as 'CONFIG_INVALID', detail()),
    )
    const manager = codesIn('rip-manager/src/contract/errors.ts').map(
      (name) => new ManagerError(name as 'NOT_SERVING', detail()),
    )
    const rows = [...settings, ...manager].map((error) => [
      code(error.code),
      // The command line reports what a refused boot was refused for.
      String(error.code) === 'BOOT_REFUSED' ? '3 or 4' : String(expectedExitCode(error)),
      error.message,
    ])
    expectGenerated(PAGE, 'server', ['code', 'exit', 'message'], rows)
  })

  test('has every error of an application', () => {
    const rows = codesIn('rip-worker/src/errors.ts').map((name) => {
      return [code(name), new WorkerError(name as 'RIP_APP_IMPORT', detail()).message]
    })
    expectGenerated(PAGE, 'application', ['code', 'message'], rows)
  })

  test('has every error of the balancer', () => {
    const rows = codesIn('rip-balancer/src/errors.ts').map((name) => {
      return [code(name), new BalancerError(name as 'USAGE', detail()).message]
    })
    expectGenerated(PAGE, 'balancer', ['code', 'message'], rows)
  })
})

/** The codes of a table of messages. */
function codesIn(path: string): readonly string[] {
  const [, table = ''] = /^const messages = \{$([^]*?)^\} as const$/m.exec(source(path)) ?? []
  return [...table.matchAll(/^ {2}([A-Z_]+): \(/gm)].map(([, name = '']) => name)
}

/** Values of a message: each is its name in capitals, as a placeholder. */
function detail<D>(): D {
  const lists: Readonly<Record<string, unknown>> = {
    problems: ['PROBLEM'],
    elsewhere: [],
    names: someOf('NAMES'),
    found: someOf('FOUND'),
    conflicts: someOf('CONFLICTS'),
    known: ['KNOWN'],
    frame: '',
    stderr: '',
    guarded: false,
    beside: undefined,
    user: undefined,
    refusal: { message: 'REASON' },
  }
  return new Proxy(
    {},
    { get: (_, name) => (String(name) in lists ? lists[String(name)] : placeholder(name)) },
  ) as D
}

/** A list of unknown length. */
const someOf = (name: string): object => ({ length: 'N', join: () => name, toString: () => name })

const placeholder = (name: string | symbol): string =>
  String(name)
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()

test('the runbook quotes messages as the programs write them', () => {
  const rows = page('runbook.md')
    .split('\n')
    .filter((line) => line.startsWith('|'))
  const quoted = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/"([^"]+)"/g)].map(([, text = '']) => text),
  )
  const ours = quoted.filter((text) => !FOREIGN_MESSAGES.includes(text))
  const written = sourceFiles()
    .map(([, text]) => text)
    .join('\n')
  // A message may have a value where the runbook leaves it out.
  const missing = ours.filter((text) => !text.split(' … ').every((part) => written.includes(part)))
  expect(ours.length).toBeGreaterThan(5)
  expect(missing).toEqual([])
})

/** Of systemd, and of the system. */
const FOREIGN_MESSAGES: readonly string[] = ['start operation timed out', 'too many open files']
