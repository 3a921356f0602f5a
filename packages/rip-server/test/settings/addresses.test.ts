import { describe, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { Unacceptable } from '../../src/settings/quantity.ts'
import { allowedHost, bindAddress, hostField, opsAddress } from '../../src/settings/addresses.ts'

function refusal(parse: (text: string) => string, text: string): Unacceptable {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof Unacceptable) return error
    throw error
  }
  throw new Error(`${text} was accepted`)
}

describe('an address to listen on', () => {
  test.each([
    '127.0.0.1',
    '0.0.0.0:80',
    'localhost',
    'web-1.example.:8080',
    ':80',
    '::1',
    '[::1]',
    '[::]:80',
    'unix:/run/app.sock',
    'unix:/run/app.sock?mode=0660',
    'unix:/run/app.sock?group=root&mode=0770',
  ])('may be %p', (text) => expect(bindAddress(text)).toBe(text))

  test.each([
    ['unix:', undefined],
    ['unix:false', undefined],
    ['unix:undefined', undefined],
    ['unix:/', undefined],
    ['unix:/run/', 'unix:/run'],
    ['unix:app.sock?mode=0660', `unix:${resolve('app.sock')}?mode=0660`],
    ['unix:/run/app.sock?mode=0999', undefined],
    ['unix:/run/app.sock?group=nobody-is-in-it', undefined],
    ['unix:/run/app.sock?umask=7', undefined],
    ['unix:app.sock', `unix:${resolve('app.sock')}`],
    ['unix:./app.sock', `unix:${resolve('app.sock')}`],
    ['unix:///run/app.sock', 'unix:/run/app.sock'],
    ['/run/app.sock', 'unix:/run/app.sock'],
    ['http://localhost:3000', 'localhost:3000'],
    ['tcp://0.0.0.0:80/x', '0.0.0.0:80'],
    ['3000', ':3000'],
    ['false', undefined],
    ['null', undefined],
    ['', undefined],
    [':', undefined],
    ['256.1.1.1', undefined],
    ['1.2.3', undefined],
    ['localhost:70000', undefined],
    ['localhost:', undefined],
    ['[localhost]:80', undefined],
    ['a b', undefined],
    ['host/path', undefined],
    ['user@host', undefined],
  ])('is not %p', (text, meant) => expect(refusal(bindAddress, text).meant).toBe(meant))
})

describe('an address for probes', () => {
  test.each([
    ['9090', '127.0.0.1:9090'],
    [':9090', '127.0.0.1:9090'],
    ['0', '127.0.0.1:0'],
    ['0.0.0.0:9090', '0.0.0.0:9090'],
    ['[::1]:9090', '[::1]:9090'],
    ['localhost:9090', 'localhost:9090'],
    ['unix:/run/ops.sock?mode=0660', 'unix:/run/ops.sock?mode=0660'],
  ])('may be %p; without a host it is one that only this machine reaches', (text, address) =>
    expect(opsAddress(text)).toBe(address),
  )

  test.each([
    ['', undefined],
    ['70000', undefined],
    ['localhost', undefined],
    ['0.0.0.0', undefined],
    ['::1', undefined],
    ['true', undefined],
    ['http://127.0.0.1:9090/metrics', '127.0.0.1:9090'],
    ['/run/ops.sock', 'unix:/run/ops.sock'],
  ])('is not %p', (text, meant) => {
    const { message, meant: said } = refusal(opsAddress, text)
    expect([said, message]).toEqual([meant, expect.stringContaining('HOST:PORT, a port of 127.0.0.1')])
  })
})

describe('the host of a check', () => {
  test.each(['shop.example', 'shop.example:8080', '10.0.0.1:80', '[::1]:80', 'localhost'])(
    'may be %p',
    (text) => expect(hostField(text)).toBe(text),
  )

  test.each(['', 'https://shop.example', 'shop.example/up', 'a b', 'shop.example:', 'a\r\nb: c'])(
    'is not %p',
    (text) => expect(refusal(hostField, text)).toBeInstanceOf(Unacceptable),
  )
})

describe('a name that is answered in development', () => {
  test.each([
    ['shop.example', 'shop.example'],
    ['Shop.Example.', 'shop.example'],
    ['*.ngrok.app', '*.ngrok.app'],
    ['*', '*'],
    ['app', 'app'],
  ])('may be %p', (text, name) => expect(allowedHost(text)).toBe(name))

  test.each([
    ['https://shop.example/', 'shop.example'],
    ['shop.example:8080', 'shop.example'],
    ['*.*', undefined],
    ['a.*.b', undefined],
    ['', undefined],
  ])('is not %p', (text, meant) => expect(refusal(allowedHost, text).meant).toBe(meant))
})
