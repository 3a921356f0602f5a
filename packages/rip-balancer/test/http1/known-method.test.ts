import { expect, test } from 'bun:test'
import { METHODS } from 'node:http'
import { isKnownMethod } from '../../src/http1/known-method.ts'
import type { RequestHead } from '../../src/http1/request-head.ts'

const known = (method: string): boolean =>
  isKnownMethod({ method, isMethod: (other: string) => other === method } as RequestHead)

test('the methods that are known are those of node:http, to the letter', () => {
  expect(METHODS.filter((method) => !known(method))).toEqual([])
  expect(['BREW', 'get', 'Post', '', 'GET '].filter(known)).toEqual([])
})
