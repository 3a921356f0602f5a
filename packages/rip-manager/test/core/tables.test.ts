import { describe, expect, test } from 'bun:test'
import { nextState, type RolloutEvent, type RolloutState } from '../../src/machine/rollout-state.ts'

describe('a rollout', () => {
  test('goes from building to serving', () => {
    const events: readonly RolloutEvent[] = ['built', 'ready', 'proven', 'filled', 'confirmed', 'cut']
    expect(events.reduce<RolloutState>(nextState, 'building')).toBe('serving')
  })

  test('back to workers that stand by needs neither boot nor look at the disk', () => {
    const events: readonly RolloutEvent[] = ['found-standby', 'confirmed', 'cut']
    expect(events.reduce<RolloutState>(nextState, 'building')).toBe('serving')
  })

  test.each(['building', 'candidate', 'verifying', 'filling', 'confirming', 'routing'] as const)(
    'that is %s can be ended, once',
    (state) => {
      const ended = nextState(state, 'ended')
      expect(ended).toBe('ended')
      expect(() => nextState(ended, 'ended')).toThrow('a rollout that is ended cannot be ended')
    },
  )

  test.each([
    ['building', 'proven'],
    ['candidate', 'confirmed'],
    ['filling', 'cut'],
    ['confirming', 'cut'],
    ['serving', 'ended'],
    ['ended', 'cut'],
  ] as const)('that is %s cannot be %s', (state, event) => {
    expect(() => nextState(state, event)).toThrow(`a rollout that is ${state} cannot be ${event}`)
  })
})
