import { describe, expect, test } from 'bun:test'
import type { ExitReason, ManagerEventBody, Refusal } from '@rip/manager'
import { refusalMessage } from '@rip/server/text'
import { eventLine, plainEvent } from '../src/terminal/event-line.ts'
import type { Terminal } from '../src/terminal/terminal.ts'

const plain = (text: string): string => text
const terminal: Terminal = {
  data: () => {},
  say: () => {},
  complain: () => {},
  clear: () => {},
  strong: plain,
  faint: plain,
  good: plain,
  bad: plain,
  interactive: false,
  colorsData: false,
  talkJson: () => {},
}

function line(body: ManagerEventBody, verbose = false): string | undefined {
  return eventLine({ seq: 1, atMs: 0, ...body }, { terminal, verbose, serving: '0123456789ab' })
}

function exited(reason: ExitReason, respawnInMs?: number): string | undefined {
  const respawn = respawnInMs === undefined ? {} : { respawnInMs }
  return line({ type: 'worker-exited', slot: 2, pid: 42, reason, uptimeMs: 90_000, requests: 7, ...respawn })
}

test('a crash loop is reported as one: one worker at a time, with short or long pauses', () => {
  const told = 'crash loop: processes keep ending; one at a time is started until one stays'
  expect(line({ type: 'health', health: 'crash-loop' })).toBe(told)
})

test('code that is taken back by itself is named with the code that serves again, and the reason', () => {
  const body = { from: 'fedcba987654', to: '0123456789ab', reason: '10 of 10 answers failed' }
  expect(line({ type: 'rolled-back', ...body })).toBe(
    '✗ fedcba9 taken back, 0123456 serves again: 10 of 10 answers failed',
  )
})

test('a start that finds code that was taken back says which code serves instead, and what to do', () => {
  const found = {
    type: 'condemned-found',
    generation: 'fedcba987654',
    by: 'server',
    reason: '12 of 12 answers failed',
  } as const
  expect(line({ ...found, instead: '0123456789ab' })).toBe(
    'warning the code on disk, fedcba9, was taken back: 12 of 12 answers failed; 0123456, the last good code, ' +
      'is served in its place. Put other code on disk and run "rip-server reload"',
  )
  expect(line({ ...found, instead: null })).toContain('no copy of good code is kept, so it is served anyway')
})

describe('a reload is printed', () => {
  test('in one line when it succeeds', () => {
    const cut = {
      type: 'generation-cut',
      generation: 'fedcba987654',
      previous: '0123456789ab',
      tookMs: 84,
    } as const
    expect(line(cut)).toBe('✓ 0123456 → fedcba9 in 84 ms')
  })

  test('with the delay before a stop, if there is one', () => {
    expect(line({ type: 'stopping' })).toStartWith('stopping: finishing')
    expect(line({ type: 'stopping', delayMs: 5_000 })).toStartWith('stopping: serving on for 5.0 s, then')
  })

  test('with the limits that lack of memory set', () => {
    const limited = {
      type: 'surge-limited',
      generation: 'fedcba987654',
      ready: 1,
      wanted: 4,
      availableBytes: 80 * 2 ** 20,
      workerBytes: 100 * 2 ** 20,
    } as const
    const why = 'no code stands by for a rollback: 80 MiB of memory are left and a worker takes 100 MiB'
    expect(line(limited)).toBe(
      `fedcba9 takes over with 1 of 4 workers, the others start as those before leave; ${why}`,
    )
    expect(line({ ...limited, ready: 4 })).toBe(`fedcba9 takes over with 4 of 4 workers; ${why}`)
    expect(line({ ...limited, growthBytes: 50 * 2 ** 20 })).toEndWith(
      ': 80 MiB of memory are left, what runs may grow by 50 MiB and a worker takes 100 MiB',
    )
  })

  test('with the comparison that is under way', () => {
    const generation = 'fedcba987654'
    const figures = { previous: '0123456789ab', errors: 9, requests: 12 }
    expect(line({ type: 'generation-suspected', generation, ...figures })).toBe(
      '9 of 12 answers of fedcba9 failed; half of the requests go to 0123456 until it is clear whether the code is to blame',
    )
    expect(line({ type: 'generation-cleared', generation })).toBe(
      'fedcba9 fails no more often than the code before; it gets all requests again',
    )
  })

  test('not at all for the first generation, which the start block shows', () => {
    expect(
      line({ type: 'generation-cut', generation: 'fedcba987654', previous: null, tookMs: 84 }),
    ).toBeUndefined()
  })

  test('with its code frame when it is refused', () => {
    const refusal: Refusal = {
      code: 'build-failed',
      generation: 'fedcba987654',
      message: 'app.rip:2:3: unexpected )',
      failure: { kind: 'compile', message: 'app.rip:2:3: unexpected )', frame: '> 2 |   )' },
      atMs: 0,
    }
    expect(line({ type: 'generation-refused', refusal })).toBe(
      '✗ fedcba9 refused; still serving 0123456: app.rip:2:3: unexpected )\n\n> 2 |   )\n',
    )
  })
})

describe('the reason of a refusal names the place', () => {
  function reason(message: string, cwd = '/home'): string {
    const failure = { kind: 'compile', message, file: '/srv/app.ts', line: 2, column: 3 } as const
    return refusalMessage({ code: 'boot-failed', generation: 'fedcba987654', message, failure, atMs: 0 }, cwd)
  }

  test('first when the reason names no file', () => {
    expect(reason('unexpected )')).toBe('/srv/app.ts:2:3: unexpected )')
  })

  test('in the place of the file when the reason names only the file', () => {
    expect(reason('/srv/app.ts could not be compiled: unexpected )')).toBe(
      '/srv/app.ts:2:3 could not be compiled: unexpected )',
    )
  })

  test('once', () => {
    expect(reason('/srv/app.ts:2:3: unexpected )')).toBe('/srv/app.ts:2:3: unexpected )')
  })

  test('as seen from the working directory, when it is inside', () => {
    expect(reason('unexpected )', '/srv')).toBe('app.ts:2:3: unexpected )')
    expect(reason('/srv/app.ts could not be compiled', '/srv')).toBe('app.ts:2:3 could not be compiled')
    // Without its slash, it would look like a path from somewhere else.
    expect(reason('/srv/app.ts:2:3: unexpected )', '/')).toBe('/srv/app.ts:2:3: unexpected )')
    expect(reason('unexpected )', '/srv/app')).toBe('/srv/app.ts:2:3: unexpected )')
  })
})

describe('the end of a worker is printed', () => {
  test('with reason, age, requests and the next step when it crashed', () => {
    expect(exited({ kind: 'crashed', code: null, signal: 'SIGKILL', stderr: '' }, 0)).toBe(
      '✗ worker 2 (42) crashed by SIGKILL after 2 min and 7 requests; replaced at once',
    )
    expect(exited({ kind: 'crashed', code: 3, signal: null, stderr: 'a\nboom\n' }, 1_500)).toBe(
      '✗ worker 2 (42) crashed with code 3 after 2 min and 7 requests; next start in 1.5 s\n    a\n    boom',
    )
    expect(exited({ kind: 'oom' }, 0)).toContain('was killed for lack of memory')
    expect(exited({ kind: 'killed', reason: 'drain-deadline' })).toContain('was killed (drain-deadline)')
  })

  test('in a plain line when it was recycled, and not at all when it left as planned', () => {
    expect(exited({ kind: 'recycled', reason: 'requests' })).toBe(
      'worker 2 (42) was recycled (requests) after 2 min and 7 requests',
    )
    expect(exited({ kind: 'drained' })).toBeUndefined()
    expect(exited({ kind: 'killed', reason: 'superseded' })).toBeUndefined()
  })
})

test('routine events are printed on request only', () => {
  const started = { type: 'worker-started', slot: 1, pid: 42, generation: '0123456789ab' } as const
  expect(line(started)).toBeUndefined()
  expect(line(started, true)).toBe('worker-started slot=1 pid=42 generation=0123456')
})

test('every event has a plain line', () => {
  expect(plainEvent({ seq: 9, atMs: 0, type: 'scaled', workers: 3 })).toBe('scaled workers=3')
  expect(plainEvent({ seq: 9, atMs: 0, type: 'warning', message: 'a b' })).toBe('warning message="a b"')
  const ready = { type: 'worker-ready', slot: 1, pid: 42, bootMs: 25.535157999998773 } as const
  expect(plainEvent({ seq: 9, atMs: 0, ...ready })).toBe('worker-ready slot=1 pid=42 bootMs=26')
})

describe('what was saved', () => {
  const cut = {
    type: 'generation-cut',
    generation: '456789abcdef',
    previous: '0123456789ab',
    tookMs: 84,
    changed: { paths: ['src/routes/app.rip', 'b.rip', 'c.rip'], count: 3 },
    buildMs: 12,
    bootMs: 65,
    modules: { total: 43, reused: 41 },
  } as const
  const shown = (columns?: number): string | undefined =>
    eventLine({ seq: 1, atMs: 0, ...cut }, { terminal, verbose: false, serving: '0123456789ab', columns })

  test('is one line with what came of it, as wide as there is room', () => {
    const full =
      '✓ src/routes/app.rip + 2 more → 456789a in 84 ms (built 12 ms, booted 65 ms, 41 of 43 modules reused)'
    expect(shown()).toBe(full)
    expect(shown(full.length - 1)).toBe(
      '✓ src/routes/app.rip + 2 more → 456789a in 84 ms (built 12 ms, booted 65 ms)',
    )
    expect(shown(70)).toBe('✓ app.rip + 2 more → 456789a in 84 ms (built 12 ms, booted 65 ms)')
    expect(shown(50)).toBe('✓ src/routes/app.rip + 2 more → 456789a in 84 ms')
    expect(shown(30)).toBe('✓ app.rip + 2 more → 456789a in 84 ms')
  })

  test('is named alone when it is one file', () => {
    const one = { ...cut, changed: { paths: ['app.rip'], count: 1 } }
    expect(line(one)).toStartWith('✓ app.rip → 456789a in 84 ms (')
  })
})
