import { describe, expect, test } from 'bun:test'
import { scriptPermission } from '../../src/page-script/script-permission.ts'

describe('a page allows a script of its own host', () => {
  test.each([
    [[], undefined],
    [[''], undefined],
    [["default-src 'self'"], undefined],
    [["img-src 'none'"], undefined],
    [['default-src *'], undefined],
    [['script-src http: https:; connect-src h.test:80'], undefined],
    [["default-src 'none'; script-src http://h.test:80; connect-src 'SELF'"], undefined],
    [["script-src 'nonce-abc+/9=='; object-src 'none'"], 'abc+/9=='],
    [["script-src 'strict-dynamic' 'nonce-abc'; base-uri 'none'"], 'abc'],
    [["script-src-elem 'self'; script-src 'none'"], undefined],
    [["script-src 'self'; script-src 'none'"], undefined],
    [["script-src 'self', script-src 'nonce-x' 'self'"], 'x'],
    [["default-src 'self'", "script-src 'nonce-x' 'self'"], 'x'],
    [['sandbox allow-scripts allow-same-origin'], undefined],
  ])('with %j', (fields, nonce) => {
    expect(scriptPermission(fields, 'h.test:80')).toEqual({ allowed: true, nonce })
  })

  test.each([
    ["default-src 'none'", 'default-src'],
    ["script-src 'none'", 'script-src'],
    ["script-src 'sha256-abc'", 'script-src'],
    ["script-src 'self' 'strict-dynamic'", 'script-src'],
    ["script-src-elem 'none'; script-src 'self'", 'script-src-elem'],
    ["script-src 'self'; connect-src https://api.test", 'connect-src'],
    ["default-src 'none'; script-src 'nonce-x'", 'default-src'],
    ["script-src 'nonce-x', script-src 'nonce-y'", 'script-src'],
    ['sandbox', 'sandbox'],
    ['script-src', 'script-src'],
  ])('not with %j', (field, directive) => {
    expect(scriptPermission([field], 'h.test:80')).toEqual({ allowed: false, directive })
  })
})
