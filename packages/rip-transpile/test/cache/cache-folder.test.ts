import { expect, test } from 'bun:test'
import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { cacheFolder } from '../../src/cache/cache-folder.ts'
import { tempProject } from '../temp-project.ts'

test('lies below XDG_CACHE_HOME, for its owner only', () => {
  using project = tempProject()
  const folder = cacheFolder({ XDG_CACHE_HOME: project.root })
  expect(folder).toBe(project.path('rip-server/compiled'))
  expect(statSync(folder!).mode & 0o777).toBe(0o700)
})

test('RIP_CACHE=off switches it off', () => {
  expect(cacheFolder({ RIP_CACHE: 'off', XDG_CACHE_HOME: '/tmp' })).toBeUndefined()
})

test('a folder others can write to is not trusted', () => {
  using project = tempProject()
  mkdirSync(project.path('rip-server/compiled'), { recursive: true })
  chmodSync(project.path('rip-server/compiled'), 0o777)
  expect(cacheFolder({ XDG_CACHE_HOME: project.root })).toBeUndefined()
})

test('neither is one below a folder where others can exchange it', () => {
  using project = tempProject()
  mkdirSync(project.path('shared'))
  chmodSync(project.path('shared'), 0o777)
  expect(cacheFolder({ XDG_CACHE_HOME: project.path('shared') })).toBeUndefined()
  chmodSync(project.path('shared'), 0o1777)
  expect(cacheFolder({ XDG_CACHE_HOME: project.path('shared') })).toBe(
    project.path('shared/rip-server/compiled'),
  )
})

test('neither is a link in its place', () => {
  using project = tempProject({ 'elsewhere/file': '', 'rip-server/file': '' })
  symlinkSync(project.path('elsewhere'), project.path('rip-server/compiled'))
  expect(cacheFolder({ XDG_CACHE_HOME: project.root })).toBeUndefined()
})

test('a file in its place switches the cache off', () => {
  using project = tempProject({ 'rip-server': 'a file' })
  expect(cacheFolder({ XDG_CACHE_HOME: project.root })).toBeUndefined()
})
