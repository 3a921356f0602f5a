import { describe, expect, test } from 'bun:test'
import { BALANCER_STATES } from '../src/balancer-state.ts'
import { EXCHANGE_PHASES } from '../src/exchange/exchange-phase.ts'
import { CLIENT_STATES } from '../src/listener/client-state.ts'
import { nextState, type StateTable } from '../src/state-table.ts'
import { UPSTREAM_STATES } from '../src/upstream/upstream-state.ts'

/** States that can be reached from this one, itself among them. */
function reachableFrom(table: StateTable<string, string>, first: string): ReadonlySet<string> {
  const reached = new Set([first])
  for (const state of reached)
    for (const next of Object.values(table[state] ?? {})) if (next !== undefined) reached.add(next)
  return reached
}

describe.each([
  ['a connection of a client', CLIENT_STATES, 'handshaking', 'closed'],
  ['a connection to a backend', UPSTREAM_STATES, 'connecting', 'closed'],
  ['an exchange', EXCHANGE_PHASES, 'idle', 'idle'],
  ['a balancer', BALANCER_STATES, 'new', 'closed'],
] as const)('the states of %s', (_name, table: StateTable<string, string>, first, last) => {
  test('can all be reached from the first one', () => {
    expect([...reachableFrom(table, first)].sort()).toEqual(Object.keys(table).sort())
  })

  test('all lead to the last one', () => {
    for (const state of Object.keys(table)) expect(reachableFrom(table, state)).toContain(last)
  })
})

test('an event that cannot happen in a state is refused by name', () => {
  expect(nextState(UPSTREAM_STATES, 'idle', 'request')).toBe('head')
  expect(() => nextState(UPSTREAM_STATES, 'connecting', 'request')).toThrow(
    'the event "request" cannot happen in the state "connecting"',
  )
})
