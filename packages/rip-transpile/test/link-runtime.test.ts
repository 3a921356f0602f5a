import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { linkRuntime } from '../src/link-runtime.ts'

test('an import of the runtime gets a path that exists', () => {
  const linked = linkRuntime("import { zip } from '@rip/transpile/runtime'\nzip()\n")
  const path = /from "(.+)"/.exec(linked)?.[1]
  expect(existsSync(path ?? '')).toBe(true)
})

test('other code stays as it is', () => {
  const code = "const name = '@rip/transpile/runtime'\n"
  expect(linkRuntime(code)).toBe(code)
})
