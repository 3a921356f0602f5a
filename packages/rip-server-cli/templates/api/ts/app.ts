// The application: a JSON API over the routes of Bun. Every worker serves all of it; what lasts is in todos.ts.

import type { BunRequest } from 'bun'
import { addTodo, changeTodo, countTodos, listTodos, removeTodo, type TodoChange } from './todos.ts'

type OneTodo = BunRequest<'/todos/:id'>

export default {
  routes: {
    '/': () => Response.json({ todos: '/todos' }),
    // rip-server.config.ts names this path: new code has to answer it before it serves.
    '/up': () => new Response(`up, with ${countTodos()} todos\n`),
    '/todos': {
      GET: () => Response.json(listTodos()),
      POST: async (request: Request) => {
        const { title } = await readChange(request)
        return title === undefined ? refused() : Response.json(addTodo(title), { status: 201 })
      },
    },
    '/todos/:id': {
      PATCH: async (request: OneTodo) => {
        const change = await readChange(request)
        if (change.title === undefined && change.done === undefined) return refused()
        const todo = changeTodo(Number(request.params.id), change)
        return todo === null ? missing() : Response.json(todo)
      },
      DELETE: (request: OneTodo) =>
        removeTodo(Number(request.params.id)) ? new Response(null, { status: 204 }) : missing(),
    },
  },
  fetch: () => missing(),
}

/** What a client wants to be changed; only what is valid of it. */
async function readChange(request: Request): Promise<TodoChange> {
  const body: unknown = await request.json().catch(() => null)
  const { title, done } = Object(body) as Record<string, unknown>
  return {
    title: typeof title === 'string' && /^.{1,200}$/.test(title.trim()) ? title.trim() : undefined,
    done: typeof done === 'boolean' ? done : undefined,
  }
}

function refused(): Response {
  const error = 'Send JSON with a "title" of 1 to 200 characters on one line, or with "done", true or false.'
  return Response.json({ error }, { status: 422 })
}

function missing(): Response {
  return Response.json({ error: 'There is nothing here.' }, { status: 404 })
}
