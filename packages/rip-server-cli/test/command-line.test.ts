import { describe, expect, test } from 'bun:test'
import { commands } from '../src/command-line/commands.ts'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import { options } from '../src/command-line/options.ts'
import { CliError } from '../src/errors.ts'

function problems(...args: string[]): readonly string[] {
  try {
    parseCommandLine(args)
  } catch (error) {
    if (error instanceof CliError && error.code === 'USAGE') {
      return (error as CliError<'USAGE'>).detail.problems
    }
    throw error
  }
  return []
}

function given(...args: string[]): Record<string, string> {
  const { flags } = parseCommandLine(args)
  return Object.fromEntries([...flags].map(([name, flag]) => [name, flag.value]))
}

describe('the command', () => {
  test('is start when none is named', () => {
    const line = parseCommandLine(['./shop', '--port', '80'])
    expect([line.command.name, line.words]).toEqual(['start', ['./shop']])
  })

  test('may follow flags and compact words', () => {
    const line = parseCommandLine(['--port', '80', 'w:2', 'dev', './shop'])
    expect([line.command.name, line.words]).toEqual(['dev', ['./shop']])
  })

  test('balancer gets its arguments unchanged', () => {
    const args = ['--listen', ':8080', '--to', '127.0.0.1:3000', '--help']
    expect(parseCommandLine(['balancer', ...args]).words).toEqual(args)
  })

  test('names and flags are unique', () => {
    expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length)
    const shorts = [...options.values()].flatMap(({ short }) => short ?? [])
    expect(new Set(shorts).size).toBe(shorts.length)
    for (const { name, flags } of commands) {
      for (const flag of flags) expect([name, flag, options.has(flag)]).toEqual([name, flag, true])
    }
  })
})

describe('compact words', () => {
  test('stand in any order', () => {
    const expected = { workers: '4', concurrency: '8', 'max-requests': '1000', port: '8080' }
    for (const args of [
      ['w:4', 'c:8', 'r:1000', '8080', './app'],
      ['./app', '8080', 'r:1000', 'w:4', 'c:8'],
    ]) {
      expect(given(...args)).toEqual(expected)
      expect(parseCommandLine(args).words).toEqual(['./app'])
    }
  })

  test('that are unknown are refused', () => {
    expect(problems('x:5', './app')).toEqual(['unknown word x:5; compact settings are p: w: c: r:'])
  })

  test('that repeat a flag are refused', () => {
    expect(problems('w:4', '--workers', '5')).toEqual(['--workers 5 and w:4 set the same value; keep one'])
  })
})

describe('a word close to a command', () => {
  test('is not taken for an application unless there is one of that name', () => {
    expect(problems('stauts')).toEqual(['"stauts" is not a command, file or folder; did you mean status?'])
    expect(problems('w:2', 'relaod', '--reason', 'deploy')).toEqual([
      '"relaod" is not a command, file or folder; did you mean reload?',
    ])
    expect(parseCommandLine(['stauts'], (path) => path === 'stauts').words).toEqual(['stauts'])
  })

  test('is an application after a command, or as a path', () => {
    expect(parseCommandLine(['dev', 'stauts']).words).toEqual(['stauts'])
    expect(parseCommandLine(['./stauts']).words).toEqual(['./stauts'])
  })

  test('far from any command is refused, and a command of another program gets ours as a suggestion', () => {
    expect(problems('bookshop')).toEqual(['"bookshop" is not a command, file or folder'])
    expect(parseCommandLine(['bookshop'], () => true).words).toEqual(['bookshop'])
    for (const [word, ours] of [
      ['list', 'ps'],
      ['ls', 'ps'],
      ['monit', 'top'],
      ['describe', 'status NAME'],
      ['delete', 'stop NAME'],
      ['version', '--version'],
    ] as const)
      expect(problems(word, 'shop')).toEqual([
        expect.stringContaining(`"${word}" is not a command, file or folder; "rip-server ${ours}" `),
      ])
  })
})

test('advice for people who know another program needs no page that a package does not have', () => {
  for (const word of ['startup', 'save'])
    expect(problems(word)).toEqual([expect.stringContaining('systemd starts it, by a unit with Type=notify')])
  for (const word of ['startup', 'unstartup', 'save', 'resurrect', 'ecosystem.config.js', './nginx.conf'])
    expect(problems(word).join()).not.toMatch(/docs\/|\.md/)
})

test('an option of another program is answered once, its value included', () => {
  const workers = 'unknown option -i; -w N, or -w auto, sets the number of workers'
  expect(problems('start', './server.js', '-i', 'max')).toEqual([workers])
  expect(problems('./server.js', '-i', '4', '--name', 'a/b')).toEqual([workers])
  expect(problems('start', '--instances=max')).toEqual([workers.replace('-i', '--instances')])
  expect(problems('start', '-i', 'max', '--env', 'production', '--xyzzy', 'one', 'two')).toEqual([
    workers,
    expect.stringContaining('unknown option --env; NODE_ENV is production'),
    expect.stringContaining('unknown option --xyzzy'),
    'unexpected word "two" for "start"',
  ])
})

test('a file of another server is no application', () => {
  for (const word of [
    'ecosystem.config.js',
    './ecosystem.config.cjs',
    '/srv/shop/Caddyfile',
    'config/puma.rb',
  ])
    expect(problems('start', word).join()).toMatch(
      / configures .*: name (?:its script|the application) instead/,
    )
  expect(problems('ecosystem.config.js')).toEqual([expect.stringContaining('configures pm2')])
  expect(problems('start', './ecosystem.ts')).toEqual([])
})

describe('flags', () => {
  test('have short forms and take values with = as well', () => {
    expect(given('-p', '80', '-w2', '--concurrency=9')).toEqual({
      port: '80',
      workers: '2',
      concurrency: '9',
    })
  })

  test('that are unknown get a suggestion', () => {
    expect(problems('--wrokers', '4')).toEqual(['unknown option --wrokers; did you mean --workers?'])
    expect(problems('--xyzzy')).toEqual(['unknown option --xyzzy'])
  })

  test('of other programs get ours as a suggestion', () => {
    expect(problems('logs', '--tail', '10')).toContain(
      'unknown option --tail; -n N prints the last N lines, and follows',
    )
    expect(problems('events', '-n', '10')).toContain(
      '-n does not apply to "events"; --since 10m prints those of the last ten minutes',
    )
    expect(problems('./app', '-i', 'max')).toContain(
      'unknown option -i; -w N, or -w auto, sets the number of workers',
    )
    expect(problems('status', '-z')).toEqual(['unknown option -z'])
  })

  test('of another command are refused by name', () => {
    expect(problems('status', '--workers', '4')).toEqual(['--workers does not apply to "status"'])
  })

  test('without their value are refused', () => {
    expect(problems('--port')).toEqual(['--port needs a value: PORT'])
    expect(problems('--port', '--json')).toEqual(['--port needs a value: PORT'])
    expect(problems('--json=yes')).toEqual(['--json is a switch and takes no value, got "yes"'])
  })

  test('report every problem at once', () => {
    expect(problems('--prot', '--hotfx', './a', './b')).toEqual([
      'unknown option --prot; did you mean --port?',
      'unknown option --hotfx; did you mean --hotfix?',
      'unexpected word "./b" for "start"',
    ])
  })

  test('that are wrong have a line each in the message', () => {
    expect(() => parseCommandLine(['--prot', './a', './b'])).toThrow(
      [
        'the command line has 2 errors:',
        '  unknown option --prot; did you mean --port?',
        '  unexpected word "./b" for "start"',
      ].join('\n'),
    )
  })
})

describe('words', () => {
  test('with a sign are not bundles of short flags', () => {
    expect(parseCommandLine(['scale', '-2']).words).toEqual(['-2'])
    expect(parseCommandLine(['scale', '+12', './shop']).words).toEqual(['+12', './shop'])
    expect(given('logs', '-200', 'shop')).toEqual({ lines: '200' })
    expect(problems('logs', '-5', '-n', '6')).toEqual(['-n 6 and -5 set the same value; keep one'])
  })

  test('that are missing or too many are refused', () => {
    expect(problems('scale')).toEqual(['"scale" needs N|+N|-N'])
    expect(problems('ps', 'relaod')).toEqual(['unexpected word "relaod" for "ps"; did you mean reload?'])
  })
})

describe('--host', () => {
  test('is --bind to all addresses, or to the one behind it', () => {
    expect(given('dev', './shop', '--host')).toEqual({ bind: '0.0.0.0' })
    const line = parseCommandLine(['dev', '--host', '192.168.1.7', './shop'])
    expect([line.words, line.flags.get('bind')]).toEqual([
      ['./shop'],
      { value: '192.168.1.7', written: '--host 192.168.1.7' },
    ])
  })

  test('beside --bind, in production, or with another value is refused', () => {
    expect(problems('dev', '-b', '127.0.0.1', '--host')).toEqual([
      '-b 127.0.0.1 and --host set the same value; keep one',
    ])
    expect(problems('start', '--host')).toEqual([
      '--host does not apply to "start"; --bind ADDRESS sets where it listens; without it, on all addresses',
    ])
    expect(problems('dev', '--host=true')).toEqual(['--host is a switch and takes no value, got "true"'])
  })
})

test('a flag that may be given several times keeps them all', () => {
  const { flags } = parseCommandLine(['dev', '--allow-host', 'a.test', '--allow-host=*.b.test'])
  expect(flags.get('allow-host')).toEqual({
    value: 'a.test,*.b.test',
    written: '--allow-host a.test --allow-host *.b.test',
  })
})
