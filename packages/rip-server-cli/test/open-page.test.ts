import { expect, test } from 'bun:test'
import { browserCommand, openPage } from '../src/terminal/open-page.ts'

const nowhere = (): boolean => false

test('a browser is found by BROWSER, by the system, or by the display there is', () => {
  const command = (env: Record<string, string>, platform: NodeJS.Platform = 'linux', wsl = false) =>
    browserCommand(env, platform, () => wsl)
  expect(command({ DISPLAY: ':0' })).toEqual(['xdg-open'])
  expect(command({ WAYLAND_DISPLAY: 'wayland-0' })).toEqual(['xdg-open'])
  expect(command({ BROWSER: 'firefox --new-window:chromium' })).toEqual(['firefox', '--new-window'])
  expect(command({}, 'darwin')).toEqual(['open'])
  expect(command({}, 'linux', true)).toEqual(['wslview'])
})

test('over ssh, and where the developer wants none, there is no browser', async () => {
  expect(browserCommand({}, 'linux', nowhere)).toBeUndefined()
  expect(browserCommand({ BROWSER: 'none', DISPLAY: ':0' }, 'linux', nowhere)).toBeUndefined()
  expect(await openPage('http://localhost:1', { BROWSER: 'none' })).toContain('no browser')
})

test('a browser that cannot be started, or fails, is named', async () => {
  expect(await openPage('http://localhost:1', { BROWSER: '/no/such/browser' })).toContain('/no/such/browser')
  expect(await openPage('http://localhost:1', { BROWSER: 'false', PATH: process.env['PATH'] })).toBe(
    'false ended with 1',
  )
})
