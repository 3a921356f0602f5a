import { afterAll, expect, test } from 'bun:test'
import type { Todo } from './todos.ts'

process.env['DATABASE'] = ':memory:'
const { default: app } = await import('./app.ts')
const server = Bun.serve({ ...app, port: 0 })
afterAll(() => server.stop(true))

const send = (method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(new URL(path, server.url), { method, body: body === undefined ? null : JSON.stringify(body) })

test('a todo is added, changed and removed', async () => {
  const added = await send('POST', '/todos', { title: ' Write a test ' })
  expect(added.status).toBe(201)
  const todo = (await added.json()) as Todo
  expect(todo).toEqual({ id: todo.id, title: 'Write a test', done: false })

  const changed = await send('PATCH', `/todos/${todo.id}`, { done: true })
  expect(await changed.json()).toEqual({ ...todo, done: true })
  expect(await (await send('GET', '/todos')).json()).toEqual([{ ...todo, done: true }])

  expect((await send('DELETE', `/todos/${todo.id}`)).status).toBe(204)
  expect(await (await send('GET', '/todos')).json()).toEqual([])
})

test('what is no todo is refused', async () => {
  for (const body of [{}, { title: '' }, { title: 7 }, { title: 'x'.repeat(201) }, 'text'])
    expect((await send('POST', '/todos', body)).status).toBe(422)
  expect((await send('PATCH', '/todos/1', { done: 'yes' })).status).toBe(422)
})

test('what is not there is not found', async () => {
  expect((await send('PATCH', '/todos/99', { done: true })).status).toBe(404)
  expect((await send('DELETE', '/todos/none')).status).toBe(404)
  expect((await send('GET', '/nowhere')).status).toBe(404)
})
