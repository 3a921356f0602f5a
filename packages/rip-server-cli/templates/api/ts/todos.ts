// The todos. Workers are separate processes, so what they share lives in a database, not in a variable.

import { Database } from 'bun:sqlite'

export interface Todo {
  readonly id: number
  readonly title: string
  readonly done: boolean
}

export interface TodoChange {
  readonly title: string | undefined
  readonly done: boolean | undefined
}

/** A row of the table: SQLite has no booleans. */
interface Row {
  readonly id: number
  readonly title: string
  readonly done: number
}

const db = new Database(process.env['DATABASE'] ?? `${import.meta.dir}/todos.sqlite`, { create: true })
// A worker waits until another one has written, and readers wait for nobody.
db.run('PRAGMA busy_timeout = 5000')
db.run('PRAGMA journal_mode = WAL')
db.run(`
  CREATE TABLE IF NOT EXISTS todos (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0
  )
`)

const all = db.query<Row, []>('SELECT * FROM todos ORDER BY id')
const count = db.query<{ n: number }, []>('SELECT count(*) AS n FROM todos')
const insert = db.query<Row, [string]>('INSERT INTO todos (title) VALUES (?) RETURNING *')
const change = db.query<Row, [string | null, boolean | null, number]>(
  'UPDATE todos SET title = coalesce(?, title), done = coalesce(?, done) WHERE id = ? RETURNING *',
)
const remove = db.query<Row, [number]>('DELETE FROM todos WHERE id = ? RETURNING *')

const todoOf = ({ id, title, done }: Row): Todo => ({ id, title, done: done === 1 })

export const listTodos = (): Todo[] => all.all().map(todoOf)

export const countTodos = (): number => count.get()?.n ?? 0

export const addTodo = (title: string): Todo => todoOf(insert.get(title)!)

/** The todo as it is now, or `null` if there is none. */
export function changeTodo(id: number, { title, done }: TodoChange): Todo | null {
  const row = change.get(title ?? null, done ?? null, id)
  return row && todoOf(row)
}

/** Whether there was one. */
export const removeTodo = (id: number): boolean => remove.get(id) !== null
