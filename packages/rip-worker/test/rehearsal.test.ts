import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { rehearse } from '../src/program/rehearsal.ts'

test('a rehearsal leaves no socket, and replaces nothing of Bun or the process', async () => {
  const { serve } = Bun
  const { setTimeout, setInterval } = globalThis
  const variables = { ...process.env }
  await rehearse()
  expect(Bun.serve).toBe(serve)
  expect([globalThis.setTimeout, globalThis.setInterval]).toEqual([setTimeout, setInterval])
  expect(process.env).toEqual(variables)
  expect(Object.keys(require.cache).filter((path) => path.includes('rehearsal-'))).toEqual([])
  if (process.platform === 'linux')
    expect(readFileSync('/proc/net/unix', 'utf8')).not.toContain('@rip-rehearsal-')
})
