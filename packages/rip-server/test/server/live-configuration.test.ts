import { expect, test } from 'bun:test'
import type { Manager } from '@rip/manager'
import { LiveConfiguration } from '../../src/server/live-configuration.ts'
import { resolveSettings } from '../../src/settings/resolve-settings.ts'
import type { Settings } from '../../src/settings/settings.ts'

function settings(values: Readonly<Record<string, unknown>> = {}): Settings {
  const file = { path: '/c.ts', folder: '/', values, files: [], positionOf: () => '/c.ts' }
  return resolveSettings({ mode: 'production', cwd: '/', flags: new Map(), env: {}, file }).settings
}

test('workers that cannot be restarted for a configuration are told of, and the next configuration is in force', async () => {
  const warnings: string[] = []
  const applied: (readonly string[])[] = []
  let read = settings({ concurrency: 7 })
  const configuration = new LiveConfiguration({
    root: '/',
    mode: 'production',
    started: { settings: settings(), files: [] },
    read: async () => ({ settings: read, files: [] }),
    configureFront: async () => {},
    warn: (message) => void warnings.push(message),
  })
  configuration.follow({
    status: { wantedWorkers: 1 },
    on: () => {},
    configure: () => {},
    tellConfiguration: (change: { readonly applied: readonly string[] }) => void applied.push(change.applied),
    restart: () => Promise.reject(new Error('cannot restart: the manager is stopping')),
  } as unknown as Manager)
  const { signal } = new AbortController()
  configuration.ask()
  await configuration.refresh('g', signal)
  await configuration.settled()
  expect(warnings).toEqual(['workers keep their concurrency: cannot restart: the manager is stopping'])
  read = settings({ concurrency: 7, health: '/up' })
  configuration.ask()
  await configuration.refresh('g', signal)
  await configuration.settled()
  expect(applied.at(-1)).toEqual(['health: off → /up'])
})
