import { describe, expect, test } from 'bun:test'
import { BALANCER_STATES } from '../src/balancer-state.ts'
import { EXCHANGE_PHASES } from '../src/exchange/exchange-phase.ts'
import { STREAM_STATES } from '../src/http2/stream-state.ts'
import { CLIENT_STATES } from '../src/listener/client-state.ts'
import { nextState, stateGraph, type StateTable } from '../src/state-table.ts'
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

test.each([
  ['connections to backends', UPSTREAM_STATES],
  ['streams', STREAM_STATES],
  ['exchanges', EXCHANGE_PHASES],
] as const)('the graph of %s says the same as their table', (_name, table: StateTable<string, string>) => {
  const { states, events } = stateGraph(table)
  for (const [name, state] of Object.entries(states)) {
    expect(state.name).toBe(name)
    for (const event of Object.values(events)) {
      const told = outcome(() => nextState(table, name, event.name))
      expect(outcome(() => state.after(event).name)).toBe(told)
    }
  }
})

/** What a function returns, or the message of what it throws. */
function outcome(call: () => string): string {
  try {
    return call()
  } catch (error) {
    return (error as Error).message
  }
}
