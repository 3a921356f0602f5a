import {
  abort,
  assert,
  exit,
  kind,
  noop,
  p,
  pj,
  pp,
  pr,
  raise,
  rand,
  sleep,
  todo,
  warn,
  zip,
} from './stdlib.ts'

/** The standard globals of the language by name; a program's own variable of that name wins. */
export const globals: Readonly<Record<GlobalName, (...values: never[]) => unknown>> = {
  abort,
  assert,
  exit,
  kind,
  noop,
  p,
  pj,
  pp,
  pr,
  raise,
  rand,
  sleep,
  todo,
  warn,
  zip,
}

export type GlobalName =
  | 'abort'
  | 'assert'
  | 'exit'
  | 'kind'
  | 'noop'
  | 'p'
  | 'pj'
  | 'pp'
  | 'pr'
  | 'raise'
  | 'rand'
  | 'sleep'
  | 'todo'
  | 'warn'
  | 'zip'
