import { describe, expect, test } from 'bun:test'
import { AddressBlocks, isAddressBlock } from '../../src/config/address-blocks.ts'
import { parseBackendAddress, parseListenAddress } from '../../src/config/address.ts'
import { durationMs, sizeBytes } from '../../src/text/quantity.ts'
import { configProblems, resolveConfig } from '../../src/config/resolve-config.ts'
import { suggestion } from '../../src/text/suggestion.ts'
import { BalancerError } from '../../src/errors.ts'

function problemsOf(config: unknown): readonly string[] {
  try {
    resolveConfig(config as never)
    return []
  } catch (error) {
    if (error instanceof BalancerError && error.code === 'CONFIG_INVALID')
      return (error as BalancerError<'CONFIG_INVALID'>).detail.problems
    throw error
  }
}

describe('quantities', () => {
  for (const [text, ms] of [
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['10', undefined],
    ['-1s', undefined],
    ['10 s', 10_000],
    ['1d', 86_400_000],
    ['1S', undefined],
    ['', undefined],
  ] as const)
    test(`the duration ${JSON.stringify(text)} is ${ms ?? 'none'}`, () => expect(durationMs(text)).toBe(ms!))

  for (const [text, bytes] of [
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1MB', 1_000_000],
    ['300M', 314_572_800],
    ['2G', 2_147_483_648],
    ['1kb', undefined],
    ['KiB', undefined],
  ] as const)
    test(`the size ${JSON.stringify(text)} is ${bytes ?? 'none'}`, () => expect(sizeBytes(text)).toBe(bytes!))
})

describe('addresses', () => {
  for (const [text, address] of [
    ['127.0.0.1:3000', { kind: 'tcp', host: '127.0.0.1', port: 3000 }],
    ['http://app.internal:80/', { kind: 'tcp', host: 'app.internal', port: 80 }],
    ['[::1]:3000', { kind: 'tcp', host: '::1', port: 3000 }],
    ['[0:0::1]:3000', { kind: 'tcp', host: '::1', port: 3000 }],
    ['[::FFFF:10.0.0.1]:3000', { kind: 'tcp', host: '10.0.0.1', port: 3000 }],
    [
      'https://app.internal.:1',
      { kind: 'tcp', host: 'app.internal.', port: 1, tls: { name: 'app.internal' } },
    ],
    ['https://app:8443/', { kind: 'tcp', host: 'app', port: 8443, tls: { name: 'app' } }],
    ['HTTPS://app', { kind: 'tcp', host: 'app', port: 443, tls: { name: 'app' } }],
    ['https://[fe80::1%eth0]', { kind: 'tcp', host: 'fe80::1%eth0', port: 443, tls: { name: 'fe80::1' } }],
    ['https://app:8443/path', undefined],
    ['https://user@app', undefined],
    ['https://', undefined],
    ['unix:/run/app.sock', { kind: 'unix', path: '/run/app.sock' }],
    [':3000', undefined],
    ['host:0', undefined],
    ['host:65536', undefined],
    ['host', undefined],
    ['unix:', undefined],
  ] as const)
    test(`of a backend: ${text}`, () => expect(parseBackendAddress(text)).toEqual(address as never))

  for (const [text, address] of [
    [':8080', { kind: 'tcp', host: '::', port: 8080 }],
    ['8080', { kind: 'tcp', host: '::', port: 8080 }],
    ['[::]:0', { kind: 'tcp', host: '::', port: 0 }],
    ['fd:3', { kind: 'fd', fd: 3 }],
    ['fd:x', undefined],
    ['unix:/run/app.sock?mode=0660', { kind: 'unix', path: '/run/app.sock', mode: 0o660 }],
    ['unix:/run/app.sock?mode=600', { kind: 'unix', path: '/run/app.sock', mode: 0o600 }],
    ['unix:/run/app.sock?group=7&mode=0770', { kind: 'unix', path: '/run/app.sock', mode: 0o770, gid: 7 }],
    ['unix:/run/app.sock?group=root', { kind: 'unix', path: '/run/app.sock', gid: 0 }],
    ['unix:/run/app.sock?', undefined],
    ['unix:/run/app.sock?mode', undefined],
    ['unix:/run/app.sock?mode=', undefined],
    ['unix:/run/app.sock?mode=0999', undefined],
    ['unix:/run/app.sock?mode=01777', undefined],
    ['unix:/run/app.sock?mode=0444', undefined],
    ['unix:/run/app.sock?mode=u%2Brw', undefined],
    ['unix:/run/app.sock?mode=0660&mode=0600', undefined],
    ['unix:/run/app.sock?umask=007', undefined],
    ['unix:/run/app.sock?group=', undefined],
    ['unix:/run/app.sock?group=nobody-is-in-it', undefined],
    ['unix:/run/?mode=0660', undefined],
  ] as const)
    test(`to listen on: ${text}`, () => expect(parseListenAddress(text)).toEqual(address as never))

  test('of trusted peers are found in their blocks, IPv4 in IPv6 included', () => {
    const blocks = new AddressBlocks(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', 'unix'])
    const within = ['10.255.0.1', '::ffff:10.0.0.1', '192.0.2.7', '2001:db8::5', 'unix']
    expect(within.filter((each) => !blocks.has(each))).toEqual([])
    const outside = ['11.0.0.1', '192.0.2.8', '2001:db9::1', '', 'nonsense']
    expect(outside.filter((each) => blocks.has(each))).toEqual([])
    expect(new AddressBlocks([]).has('unix')).toBe(false)
    const mapped = new AddressBlocks(['::ffff:10.0.0.0/104', '::FFFF:192.0.2.7', '0:0:0:0:0:ffff:c000:208'])
    expect(
      ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', '192.0.2.8'].filter((each) => !mapped.has(each)),
    ).toEqual([])
    expect(['11.0.0.1', '192.0.2.9', '2001:db8::1'].filter((each) => mapped.has(each))).toEqual([])
    expect(new AddressBlocks(['fe80::/10']).has('fe80::1%eth0')).toBe(true)
  })

  test('of blocks are checked', () => {
    expect(['10.0.0.0/33', '10.0.0/8', '::/129', 'host', '1.2.3.4/'].filter(isAddressBlock)).toEqual([])
  })
})

describe('a configuration', () => {
  test('that is empty has every default', () => {
    expect(resolveConfig({})).toMatchObject({
      retries: 1,
      queueLength: 1024,
      backends: [],
      policy: 'round-robin',
    })
  })

  test('refuses cookie attributes that browsers would not accept', () => {
    const problems = (stickyCookie: unknown): readonly string[] =>
      problemsOf({ stickyCookie }).map((problem) => problem.replace('stickyCookie.', ''))
    const wellFormed = [
      'at',
      { name: '__Host-at' },
      { name: '__secure-at', domain: '.shop.example' },
    ] as const
    for (const cookie of wellFormed) expect(problems(cookie)).toEqual([])
    expect(problems({ path: '/a b', domain: 'localhost', sameSite: 'none', lifetime: 'off' })).toEqual([])
    expect(problems('a b')).toEqual(['name: expected a name of letters, digits and -_, got "a b"'])
    expect(problems('')).toEqual(['name: expected a text, got ""'])
    expect(problems({ path: 'app' })).toEqual([
      'path: expected a path that starts with / and has no ;, got "app"',
    ])
    expect(problems({ path: '/a; Domain=b' })).toHaveLength(1)
    expect(problems({ domain: 'shop.example; x' })).toEqual([
      'domain: expected a domain such as shop.example, got "shop.example; x"',
    ])
    expect(problems({ lifetime: '10ms' })).toEqual([
      'lifetime: expected at least a second, or off, got "10ms"',
    ])
    expect(problems({ sameSite: 'none', secure: 'never' })).toEqual([
      'secure: expected auto or always with sameSite none, got "never"',
    ])
    expect(problems({ name: '__Secure-a', secure: 'never' })).toEqual([
      'secure: expected auto or always with the name __Secure-a, got "never"',
    ])
    expect(problems({ name: '__Host-a', path: '/b', domain: 'c' })).toEqual([
      'path: expected /, as the name is __Host-a, got "/b"',
      'domain: expected none, as the name is __Host-a, got "c"',
    ])
    // A secret is not repeated.
    expect(problems({ key: 'short' })).toEqual([
      'key: expected at least 16 characters that cannot be guessed, got 5',
    ])
    expect(problems({ sameSite: 'Lax' })).toEqual([
      'sameSite: expected one of lax, strict, none, got "Lax"; did you mean lax?',
    ])
    expect(problems({ httpOnly: false })).toHaveLength(1)
    expect(problems(['at'])).toHaveLength(1)
  })

  test('names every problem at once, with its path', () => {
    expect(
      problemsOf({
        to: ['a:1', { address: 'b:1', wieght: 2 }, 'a:1', { address: 'c:1', weight: 1e-9 }],
        queue: { length: -1, timeout: 'soon' },
        limits: { body: '10MegaBytes' },
        forwarding: { trust: ['10.0.0.0/99'] },
        health: { path: 'up' },
        admin: '127.0.0.1:1',
        hashKey: 'cookie',
        accessLog: 'xml',
      }).toSorted(),
    ).toEqual([
      'accessLog.format: expected one of none, text, json, got "xml"',
      'admin: expected unix:PATH, got "127.0.0.1:1"',
      'forwarding.trust: expected a list of addresses or CIDR blocks, or "unix", got ["10.0.0.0/99"]',
      'hashKey: expected ip, header:NAME or cookie:NAME, got "cookie"',
      'health.path: expected a path that starts with /, got "up"',
      'limits.body: expected bytes or a size such as 64KiB or 1MiB, got "10MegaBytes"',
      'queue.length: expected a whole number from 0 on, got -1',
      'queue.timeout: expected milliseconds or a duration such as 250ms, 10s or 5m, got "soon"',
      'to: two backends have the id "a:1"; give each its own',
      'to[1].wieght: unknown key; did you mean weight?',
      'to[3].weight: expected 0, or a number from 0.000001 to 1000000, got 1e-9',
    ])
  })

  for (const value of [null, 7, 'text', []])
    test(`that is ${JSON.stringify(value)} is refused`, () => {
      expect(problemsOf(value)).toEqual([`configuration: expected an object, got ${JSON.stringify(value)}`])
    })

  test('gets only close suggestions', () => {
    const known = ['listen', 'timeouts', 'to']
    expect([suggestion('lisen', known), suggestion('timeout', known), suggestion('zebra', known)]).toEqual([
      'listen',
      'timeouts',
      undefined,
    ])
  })
})

test('a number without a unit in a text is refused with the unit it probably lacks', () => {
  const config = {
    queue: { timeout: '30' },
    limits: { body: '512', head: '65536000' },
    timeouts: { idle: '5000' },
  }
  expect(configProblems(config).map((problem) => problem.split('; ')[1])).toEqual([
    'did you mean 30s?',
    'did you mean 5000ms?',
    'did you mean 65536000B?',
    'did you mean 512MiB?',
  ])
})

test.each(['unix:false', 'unix:', 'unix:app.sock', 'unix:./app.sock', 'unix:/', 'false'])(
  'the address %s is refused',
  (address) => {
    expect(configProblems({ to: address })).toHaveLength(1)
    expect(configProblems({ listen: address })).toHaveLength(1)
  },
)

const LONGEST_PATH = process.platform === 'linux' ? 107 : 103

test('a path that no socket can have is refused when it is read', () => {
  const pathOf = (length: number): string => `/${'p'.repeat(length - 1)}`
  const problems = (path: string): number =>
    configProblems({ to: `unix:${path}`, listen: `unix:${path}?mode=0600`, admin: `unix:${path}` }).length
  expect(problems(pathOf(LONGEST_PATH))).toBe(0)
  expect(problems(pathOf(LONGEST_PATH + 1))).toBe(3)
  expect(problems(`/${'ö'.repeat(LONGEST_PATH / 2)}`)).toBe(0)
  expect(problems(`/${'ö'.repeat(LONGEST_PATH / 2 + 1)}`)).toBe(3)
  expect(configProblems({ to: `unix:${pathOf(LONGEST_PATH + 1)}` })[0]).toContain(
    `at most ${LONGEST_PATH} bytes`,
  )
})

test.each([
  '999.1.1.1:80',
  '1.2.3:80',
  '256.0.0.1:80',
  '0x7f.1:80',
  '1.2.3.4.5:80',
  '127.1:80',
  '[:::]:80',
  '[1.2.3.4]:80',
  '[::1%]:80',
  'a..b:80',
  'a b:80',
  'user@host:80',
  'a/b:80',
  '.:80',
])('the address %s has no valid host and is refused', (address) => {
  expect(configProblems({ to: address })).toHaveLength(1)
  expect(configProblems({ listen: address })).toHaveLength(1)
})

test('hosts are names, IPv4 addresses, and IPv6 addresses with or without a zone', () => {
  const hosts = [
    'a',
    'my_app.internal.',
    'xn--bcher-kva.example',
    '1e100.net',
    '10.0.0.1',
    '[fe80::1%eth0.5]',
    '[::ffff:1.2.3.4]',
  ]
  expect(configProblems({ to: hosts.map((host) => `${host}:80`) })).toEqual([])
})

test('a pool has a name that paths of the admin API can have', () => {
  expect(['.', '..', ''].map((pool) => configProblems({ pool }).length)).toEqual([1, 1, 1])
  expect(configProblems({ pool: '../a b%/\n' })).toEqual([])
})

test('TLS belongs to addresses with https:// only', () => {
  expect(configProblems({ to: { address: 'a:1', tls: { verify: false } } })).toEqual([
    'to.tls: expected nothing, as the address does not begin with https://, got {"verify":false}',
  ])
  expect(configProblems({ to: { address: 'https://a', tls: { verify: false } } })).toEqual([])
  expect(configProblems({ backendTls: { verify: 'no', ca: 1, sni: 'x' } as never })).toHaveLength(3)
})

test('a problem is one line, whatever the value was', () => {
  const written = 'a\nb\r\u0085\u2028c'
  const problems = configProblems({ to: [{ id: written, address: written }], policy: written as never })
  expect(problems).toHaveLength(2)
  for (const problem of problems) expect(problem.split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(1)
  const twice = configProblems({ to: [written, written].map((id, at) => ({ id, address: `a:${at + 1}` })) })
  expect(twice).toHaveLength(1)
  expect(twice[0]!.split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(1)
})
