import { expect, test } from 'bun:test'
import { METHODS } from 'node:http'
import { isKnownMethod } from '../../src/http1/known-method.ts'
import type { RequestHead } from '../../src/http1/request-head.ts'

const known = (method: string): boolean =>
  isKnownMethod({ method, isMethod: (other: string) => other === method } as RequestHead)

test('the known methods are exactly those of node:http', () => {
  expect(METHODS.filter((method) => !known(method))).toEqual([])
  expect(['BREW', 'get', 'Post', '', 'GET '].filter(known)).toEqual([])
})
