import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAppPackage } from '../../src/settings/app-package.ts'
import { withPackagePolicy } from '../../src/settings/package-policy.ts'
import { resolveSettings, type ResolvedSettings } from '../../src/settings/resolve-settings.ts'

function settingsFor(manifest: string, balancer?: object): ResolvedSettings {
  const folder = mkdtempSync(join(tmpdir(), 'rip-policy-'))
  try {
    writeFileSync(join(folder, 'package.json'), manifest)
    const path = join(folder, 'rip-server.config.ts')
    const file = {
      path,
      folder,
      files: [],
      values: { ...(balancer && { balancer }) },
      positionOf: () => path,
    }
    const resolved = resolveSettings({ mode: 'production', cwd: folder, flags: new Map(), env: {}, file })
    return withPackagePolicy(resolved, readAppPackage(folder, false))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test.each(['socket.io', '@nestjs/platform-socket.io'])(
  'an application with %s gets the policy that leads a client back to its worker, which is said',
  (name) => {
    const { settings, origins, notes } = settingsFor(JSON.stringify({ dependencies: { [name]: '4.8.4' } }))
    expect(settings.balancer.policy).toBe('sticky')
    expect(origins.balancer).toBe(`default, policy for ${name}`)
    expect(notes).toEqual([`${name} keeps clients in one worker: balancer.policy is sticky, by a cookie`])
  },
)

test('an application with the SDK of the Model Context Protocol gets the policy that leads a session back, which is said', () => {
  const { settings, notes } = settingsFor('{ "dependencies": { "@modelcontextprotocol/sdk": "1.22.0" } }')
  expect(settings.balancer.policy).toBe('learn')
  expect(notes).toEqual([
    '@modelcontextprotocol/sdk keeps clients in one worker: balancer.policy is learn, by the field mcp-session-id',
  ])
})

test('a policy in the configuration stays, and other options of the balancer are kept', () => {
  const manifest = '{ "dependencies": { "socket.io": "4" } }'
  const chosen = settingsFor(manifest, { policy: 'p2c' })
  expect([chosen.settings.balancer, chosen.notes]).toEqual([{ policy: 'p2c' }, undefined])
  expect(settingsFor(manifest, { retries: 0 }).settings.balancer).toEqual({ retries: 0, policy: 'sticky' })
})

test.each(['{}', '{ "devDependencies": { "socket.io": "4" } }', '{ "dependencies": null }', 'no JSON'])(
  'a package.json of %s changes nothing',
  (manifest) => {
    const { settings, notes } = settingsFor(manifest)
    expect([settings.balancer, notes]).toEqual([{}, undefined])
  },
)
