import { expect, test } from 'bun:test'
import app from './app.ts'

const ask = (path: string): Response => app(new Request(`http://localhost${path}`))

test('greets the world', async () => {
  const answer = ask('/')
  expect(answer.headers.get('content-type')).toContain('text/html')
  expect(await answer.text()).toContain('Hello, world')
})

test('escapes the name it greets', async () => {
  expect(await ask('/?name=<Ada>').text()).toContain('Hello, &lt;Ada&gt;')
})

test('is up, and has no other pages', () => {
  expect(ask('/up').status).toBe(200)
  expect(ask('/nowhere').status).toBe(404)
})
