import { expect, test } from 'bun:test'
import app from './app.ts'

test('greets by name, and escapes it', async () => {
  const answer = await app.request('/?name=<Ada>')
  expect(await answer.text()).toContain('Hello, &lt;Ada&gt;')
})

test('greets in JSON, too', async () => {
  const answer = await app.request('/hello/Ada')
  expect(await answer.json()).toEqual({ hello: 'Ada' })
})

test('is up, and has no other pages', async () => {
  expect((await app.request('/up')).status).toBe(200)
  expect((await app.request('/nowhere')).status).toBe(404)
})
