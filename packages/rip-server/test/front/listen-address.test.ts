import { describe, expect, test } from 'bun:test'
import {
  addressUrl,
  isExposed,
  listenAddress,
  opsListenAddress,
  overlap,
} from '../../src/front/listen-address.ts'

describe('the address to listen on', () => {
  test.each([
    [undefined, { host: '::', port: 3000 }],
    ['127.0.0.1', { host: '127.0.0.1', port: 3000 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
    [':80', { host: '::', port: 80 }],
    ['::1', { host: '::1', port: 3000 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[::]', { host: '::', port: 3000 }],
    ['unix:/run/app.sock', { unix: '/run/app.sock' }],
    ['unix:/run/app.sock?mode=0660&group=0', { unix: '/run/app.sock', mode: 0o660, gid: 0 }],
  ])('%p', (bind, expected) => {
    expect(listenAddress({ bind, port: 3000 }, 'production')).toEqual(expected)
  })

  test('is on this machine only in development', () => {
    expect(listenAddress({ bind: undefined, port: 0 }, 'development')).toEqual({ host: '127.0.0.1', port: 0 })
  })
})

test('is another one for probes, if there is one', () => {
  expect(opsListenAddress({ ops: undefined })).toBeUndefined()
  expect(opsListenAddress({ ops: '[::1]:9090' })).toEqual({ host: '::1', port: 9090 })
  expect(opsListenAddress({ ops: 'unix:/run/ops.sock?mode=0600' })).toEqual({
    unix: '/run/ops.sock',
    mode: 0o600,
  })
  const at = (host: string, port = 80): { host: string; port: number } => ({ host, port })
  expect(overlap(at('0.0.0.0'), at('127.0.0.1'))).toBe(true)
  expect(overlap(at('10.0.0.1'), at('10.0.0.1'))).toBe(true)
  expect(overlap({ unix: '/a' }, { unix: '/a', mode: 0o600 })).toBe(true)
  expect(overlap(at('10.0.0.1'), at('127.0.0.1'))).toBe(false)
  expect(overlap(at('0.0.0.0', 0), at('127.0.0.1', 0))).toBe(false)
  expect(overlap(at('0.0.0.0'), { unix: '/a' })).toBe(false)
})

test('has a URL that a browser can open', () => {
  expect(addressUrl({ host: '127.0.0.1', port: 80 })).toBe('http://127.0.0.1:80')
  expect(addressUrl({ host: '0.0.0.0', port: 80 })).toBe('http://localhost:80')
  expect(addressUrl({ host: '::1', port: 80 })).toBe('http://[::1]:80')
  expect(addressUrl({ host: '::1', port: 443 }, true)).toBe('https://[::1]:443')
  expect(addressUrl({ unix: '/run/app.sock' })).toBe('unix:/run/app.sock')
})

test('tells whether other machines can reach it', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    expect([host, isExposed({ host, port: 80 })]).toEqual([host, false])
  }
  for (const host of ['0.0.0.0', '::', '192.0.2.7'])
    expect([host, isExposed({ host, port: 80 })]).toEqual([host, true])
})
