import { expect, test } from 'bun:test'
import { ReleaseSandbox } from '@rip/testing'

const SHORT_LIMIT_MS = 60_000
const LONG_LIMIT_MS = 240_000
/** A scenario that takes longer has failed. */
const MAX_TIME_MS = 30_000
/** Set by `bun run acceptance`. */
const IS_COMPLETE = process.env['RIP_ACCEPTANCE'] === 'complete'

type Play = (sandbox: ReleaseSandbox) => Promise<void>

/**
 * A scenario of rip-server as a user meets it: command line, HTTP, signals, /proc. It is played with all other tests.
 */
export function short(name: string, play: Play): void {
  test(name, () => playIn(play), SHORT_LIMIT_MS)
}

/**
 * A scenario that takes too long, or too much of the machine, to be played with all other tests; `bun run acceptance`
 * plays it.
 *
 * @param lack says what the machine lacks to play it, if anything
 */
export function long(name: string, play: Play, lack?: () => string | undefined): void {
  if (!IS_COMPLETE) return
  const reason = lack?.()
  if (reason !== undefined) return test.skip(`${name} (${reason})`, () => {})
  test(name, () => playIn(play), LONG_LIMIT_MS)
}

/** Expects a time limit to be kept; checked in complete runs only, which have the machine to themselves. */
export function expectWithin(limitMs: number, tookMs: number, what: string): void {
  expect(tookMs, what).toBeLessThanOrEqual(IS_COMPLETE ? limitMs : MAX_TIME_MS)
}

/** Shows a measured value to the reader of a complete run. */
export function figure(text: string): void {
  if (IS_COMPLETE) console.log(`  ${text}`)
}

async function playIn(play: Play): Promise<void> {
  await using sandbox = await ReleaseSandbox.create()
  await play(sandbox)
}
