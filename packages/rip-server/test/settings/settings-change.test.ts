import { describe, expect, test } from 'bun:test'
import { resolveSettings } from '../../src/settings/resolve-settings.ts'
import { inForce, settingsChange } from '../../src/settings/settings-change.ts'
import type { Settings } from '../../src/settings/settings.ts'

function settings(values: Readonly<Record<string, unknown>> = {}): Settings {
  const file = { path: '/c.ts', folder: '/', values, files: [], positionOf: () => '/c.ts' }
  const flags = new Map()
  return resolveSettings({ mode: 'production', cwd: '/', flags, env: { WEB_CONCURRENCY: '2' }, file })
    .settings
}

describe('a change of settings', () => {
  test('is empty when nothing has changed', () => {
    expect(settingsChange(settings(), settings(), settings())).toEqual({ applied: [], pending: [] })
  })

  test('is applied where possible, and compared with the settings in use', () => {
    const before = settings({ health: '/up' })
    const after = settings({ health: '/health', maxMemory: '1GiB', allowHosts: ['a.test'] })
    expect(settingsChange(settings(), before, after)).toEqual({
      applied: [
        'maxMemory: off → 1073741824 bytes',
        'health: /up → /health',
        'allowHosts: localhost and addresses → a.test',
      ],
      pending: [],
    })
  })

  test('names the restart that other settings need, until they are again those of the start', () => {
    const started = settings({ port: 1 })
    const read = settings({ port: 2, name: 'shop', balancer: { processes: 2, retries: 0 } })
    const first = settingsChange(started, started, read)
    expect(first).toEqual({
      applied: ['balancer'],
      pending: [
        'port: 1 → 2 needs rip-server restart --manager',
        'name: the name of the folder → shop needs rip-server stop and start',
        'balancer.processes: 1 → 2 needs rip-server restart --manager',
      ],
    })
    const now = inForce(started, read)
    expect(now).toMatchObject({ port: 1, name: undefined, balancer: { retries: 0 } })
    expect(now.balancer.processes).toBeUndefined()
    expect(settingsChange(started, now, read)).toEqual({ applied: [], pending: first.pending })
    expect(settingsChange(started, now, started).pending).toEqual([])
  })
})
