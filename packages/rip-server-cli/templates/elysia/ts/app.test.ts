import { expect, test } from 'bun:test'
import app from './app.ts'

const ask = (path: string): Promise<Response> => app.handle(new Request(`http://localhost${path}`))

const guess = (number: unknown): Promise<Response> =>
  app.handle(
    new Request('http://localhost/guess', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ number }),
    }),
  )

test('greets by name', async () => {
  const answer = await ask('/hello/Ada')
  expect(await answer.json()).toEqual({ hello: 'Ada' })
})

test('judges a guess, and refuses what is none', async () => {
  const answer = await guess(4)
  expect(await answer.json()).toEqual({ right: true })
  expect((await guess(7)).status).toBe(422)
})

test('is up, and has no other pages', async () => {
  expect((await ask('/up')).status).toBe(200)
  expect((await ask('/nowhere')).status).toBe(404)
})
