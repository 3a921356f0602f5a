import { expect, test } from 'bun:test'
import { listenAddress, resolveSettings } from '@rip/server/sources'
import { parseCommandLine } from '../src/command-line/command-line.ts'
import {
  debuggerHints,
  developmentHints,
  isInContainer,
  nodeEnvHints,
  rootWarning,
} from '../src/terminal/hints.ts'

function hints(args: readonly string[], inContainer = false): readonly string[] {
  const { flags } = parseCommandLine(['dev', ...args])
  const resolved = resolveSettings({ mode: 'development', cwd: '/', flags, env: {}, file: undefined })
  return developmentHints(resolved, listenAddress(resolved.settings, 'development'), inContainer)
}

test('there is a hint about several workers by default, and none if they were asked for', () => {
  expect(hints([])).toEqual([
    '2 workers, each with its own memory: state kept in variables differs per worker; -w 1 for one',
  ])
  expect(hints(['-w', '2'])).toEqual([])
  expect(hints(['-w', '1'])).toEqual([])
})

test('a NODE_ENV that differs from that of the command is reported with its origin', () => {
  expect(nodeEnvHints({ value: 'production', origin: 'default' }, 'production')).toEqual([])
  expect(nodeEnvHints({ value: 'development', origin: '.env' }, 'production')).toEqual([
    'the application runs with NODE_ENV=development, from .env',
  ])
  expect(nodeEnvHints({ value: 'test', origin: 'NODE_ENV' }, 'development')).toEqual([
    'the application runs with NODE_ENV=test, from the environment',
  ])
})

test('who asked for a debugger is told where one can be attached', () => {
  const hint = ['no debugger can be attached to the workers of a server; to one alone: rip-server worker']
  expect(debuggerHints({ BUN_INSPECT: '' })).toEqual(hint)
  expect(debuggerHints({ BUN_OPTIONS: '--smol --inspect-wait' })).toEqual(hint)
  expect(debuggerHints({ BUN_OPTIONS: '--preload ./--inspect.ts' })).toEqual([])
})

test('in a container there is a hint that it cannot be reached from outside', () => {
  expect(hints(['-w', '1'], true)).toEqual([
    'it cannot be reached from outside this container; --host changes that',
  ])
  expect(hints(['-w', '1', '--bind', '0.0.0.0'], true)).toEqual([])
  // Asked for.
  expect(hints(['-w', '1', '--bind', '127.0.0.1'], true)).toEqual([])
  expect(hints(['-w', '1', '--bind', 'unix:/run/app.sock'], true)).toEqual([])
  expect(isInContainer({ KUBERNETES_SERVICE_HOST: '10.0.0.1' })).toBe(true)
})

test('root is warned, unless the application runs as another user or the machine is a container', () => {
  const tenants = { workers: { name: 'shop', uid: 1, gid: 1, home: '/' }, router: { uid: 2, gid: 2 } }
  expect(rootWarning(0, undefined, false)).toContain('give --user NAME')
  expect(rootWarning(0, undefined, true)).toBeUndefined()
  expect(rootWarning(0, tenants, false)).toBeUndefined()
  expect(rootWarning(1_000, undefined, false)).toBeUndefined()
})
