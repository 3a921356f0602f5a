import { describe, expect, test } from 'bun:test'
import { FLAGS, parseFlags } from '../../src/cli/flags.ts'
import { resolveConfig } from '../../src/config/resolve-config.ts'
import { BalancerError } from '../../src/errors.ts'

/** What each flag makes of a value, and a value that it refuses; `undefined` where any text is one. */
const values: Readonly<Record<string, readonly [value: string, config: object, bad: string | undefined]>> = {
  listen: ['127.0.0.1:81', { listen: ['127.0.0.1:81'] }, 'nowhere'],
  to: ['127.0.0.1:3000', { to: ['127.0.0.1:3000'] }, 'nowhere:'],
  policy: ['p2c', { policy: 'p2c' }, 'best'],
  'max-in-flight': ['7', { maxInFlight: 7 }, 'many'],
  queue: ['7', { queue: { length: 7 } }, '-1'],
  'queue-timeout': ['7s', { queue: { timeout: '7s' } }, '7'],
  'header-timeout': ['7s', { timeouts: { header: '7s' } }, 'soon'],
  'body-timeout': ['7s', { timeouts: { body: '7s' } }, '7'],
  'response-timeout': ['7s', { timeouts: { response: '7s', responseIdle: '7s' } }, '7'],
  'idle-timeout': ['7s', { timeouts: { idle: '7s' } }, '7'],
  'connect-timeout': ['7s', { timeouts: { connect: '7s' } }, '7'],
  'drain-timeout': ['7s', { timeouts: { drain: '7s' } }, '7'],
  'max-body': ['7MiB', { limits: { body: '7MiB' } }, 'much'],
  'max-connections': ['7', { limits: { connections: 7 } }, '0'],
  retries: ['2', { retries: 2 }, 'some'],
  'unknown-methods': ['refuse', { unknownMethods: 'refuse' }, 'maybe'],
  'worker-protocol': ['auto', { workerProtocol: 'auto' }, 'http3'],
  'half-close': ['tell', { halfClose: 'tell' }, 'ask'],
  health: ['/up', { health: { path: '/up' } }, 'up'],
  'health-host': ['shop.test', { health: { host: 'shop.test' } }, undefined],
  'backend-ca': ['ca.pem', { backendTls: { ca: 'ca.pem' } }, undefined],
  'backend-cert': ['c.pem', { backendTls: { cert: 'c.pem' } }, undefined],
  'backend-key': ['k.pem', { backendTls: { key: 'k.pem' } }, undefined],
  'backend-name': ['app', { backendTls: { serverName: 'app' } }, undefined],
  trust: ['10.0.0.0/8', { forwarding: { trust: ['10.0.0.0/8'] } }, '10.0.0.0/99'],
  'allow-host': ['a.test', { allowHosts: ['a.test'] }, 'a/b'],
  http2: ['on', { listen: [{ http2: true }] }, 'perhaps'],
  admin: ['unix:/run/a.sock', { admin: 'unix:/run/a.sock' }, '127.0.0.1:80'],
  metrics: ['127.0.0.1:9', { metrics: '127.0.0.1:9' }, 'unix:/x'],
  'access-log': ['json', { accessLog: 'json' }, 'xml'],
}

const refusal = (...words: string[]): unknown => {
  try {
    resolveConfig(parseFlags(words, []).config)
  } catch (error) {
    return error instanceof BalancerError ? error.code : error
  }
  return undefined
}

describe('the flags', () => {
  test('are all here', () => {
    const others = ['tls-cert', 'tls-key', 'processes', 'wait-for-backends', 'accept-when-routed']
    expect([...Object.keys(values), ...others].toSorted()).toEqual(FLAGS.map(({ name }) => name).toSorted())
  })

  for (const [name, [value, config, bad]] of Object.entries(values)) {
    test(`--${name} sets what it says, and refuses what it cannot use`, () => {
      expect(parseFlags([`--${name}`, value], []).config).toMatchObject(config)
      expect(parseFlags([`--${name}=${value}`], []).config).toMatchObject(config)
      if (bad !== undefined) expect([bad, refusal(`--${name}`, bad)]).toEqual([bad, 'CONFIG_INVALID'])
    })
  }

  test('--tls-cert and --tls-key go together', () => {
    const { config } = parseFlags(['--tls-cert', 'c.pem', '--tls-key', 'k.pem'], [])
    expect(config).toMatchObject({ listen: [{ tls: { cert: 'c.pem', key: 'k.pem' } }] })
    for (const flag of ['--tls-cert', '--tls-key']) expect(refusal(flag, 'x.pem')).toBe('USAGE')
  })

  test('that are switches take no value, and others need one', () => {
    expect(parseFlags(['--wait-for-backends', '--accept-when-routed'], []).config).toMatchObject({
      waitForBackends: true,
      acceptWhenRouted: true,
    })
    expect(parseFlags(['--processes', '3'], []).processes).toBe(3)
    for (const words of [['--processes', 'all'], ['--to'], ['--tpo', 'x']])
      expect(refusal(...words)).toBe('USAGE')
  })
})
