import { expect, test } from 'bun:test'
import { loadApplication } from '../src/application/load-application.ts'
import { Folder } from './helpers.ts'

const manifest = '{ "name": "react-router", "type": "module", "main": "index.js" }'
const factory =
  'export const createRequestHandler = (build) => async ({ url }) => new Response(`${build.entry} ${url}`)'

test('a server build of React Router is served by the package that is installed beside it', async () => {
  using folder = new Folder({
    'node_modules/react-router/package.json': manifest,
    'node_modules/react-router/index.js': factory,
    'build/server/index.mjs':
      "export const assets = {}, entry = 'page', publicPath = '/', routes = {}, ssr = true",
  })
  const { fetch } = await loadApplication(folder.file('build/server/index.mjs'))
  const response = await fetch?.(new Request('http://x/cart'), {} as never, {} as never)
  expect(await response?.text()).toBe('page http://x/cart')
})

test('without the package, the reason names it', async () => {
  using folder = new Folder({
    'build/server/index.mjs':
      "export const assets = {}, entry = 'page', publicPath = '/', routes = {}, ssr = false",
  })
  const failure: unknown = await loadApplication(folder.file('build/server/index.mjs')).catch(
    (thrown: unknown) => thrown,
  )
  expect(String(failure)).toContain('react-router')
})
