import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadApplication } from '../src/application/load-application.ts'

/** A framework like `@rip-lang/server` 3: routes are registered in the module, which provides one handler for them. */
const FRAMEWORK = `
const routes = new Map()
export const get = (path, answer) => routes.set(path, answer)
export const startHandler = () => (request) => {
  const answer = routes.get(new URL(request.url).pathname)
  return answer === undefined ? new Response('none', { status: 404 }) : new Response(answer())
}
export const start = () => { globalThis.__ripHandler = startHandler() }
`

let root = ''

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'rip-')))
  const home = join(root, 'node_modules/@rip-lang/server')
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), '{"name":"@rip-lang/server","main":"api.js","type":"module"}')
  writeFileSync(join(home, 'api.js'), FRAMEWORK)
})

afterAll(() => rmSync(root, { recursive: true }))

function application(name: string, text: string): string {
  const file = join(root, name)
  writeFileSync(file, text)
  return file
}

test('a bare `start` counts as started', async () => {
  const file = application(
    'bare.js',
    "import { get, start } from '@rip-lang/server'\nget('/a', () => 'A')\nstart\n",
  )
  const { fetch } = await loadApplication(file)
  const response = await fetch?.(new Request('http://x/a'), {} as never, {} as never)
  expect(await response?.text()).toBe('A')
})

test('a module that exports another value is not taken for routes', async () => {
  const file = application('other.js', "import '@rip-lang/server'\nexport const a = 1\n")
  const error: unknown = await loadApplication(file).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'RIP_APP_NO_HANDLER' })
})
