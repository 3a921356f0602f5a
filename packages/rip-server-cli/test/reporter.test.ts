import { expect, test } from 'bun:test'
import type { Manager, ManagerEventBody } from '@rip/manager'
import { reportEvents } from '../src/terminal/reporter.ts'
import type { Terminal } from '../src/terminal/terminal.ts'

const plain = (text: string): string => text

/** The lines that are printed for these events. */
function told(...bodies: ManagerEventBody[]): Promise<string[]> {
  return toldOn({ interactive: false }, bodies)
}

/** The lines that this terminal shows of these events. */
async function toldOn(
  shown: Pick<Terminal, 'interactive' | 'columns'>,
  bodies: readonly ManagerEventBody[],
): Promise<string[]> {
  const lines: string[] = []
  const say = (text: string): void => void lines.push(text)
  const terminal: Terminal = {
    data: say,
    say,
    complain: say,
    clear: () => {},
    strong: plain,
    faint: plain,
    good: plain,
    bad: plain,
    colorsData: false,
    talkJson: () => {},
    ...shown,
  }
  const manager = {
    status: { generation: '0123456789ab' },
    async *events() {
      for (const [index, body] of bodies.entries()) yield { seq: index + 1, atMs: 0, ...body }
    },
  } as unknown as Manager
  await reportEvents(manager, { terminal, verbose: false, json: false, serves: () => true })
  return lines
}

const refused: ManagerEventBody = {
  type: 'generation-refused',
  refusal: { code: 'build-failed', generation: 'fedcba987654', message: 'unexpected )', atMs: 0 },
}
const REFUSED = '✗ fedcba9 refused; still serving 0123456: unexpected )'

test('a refusal is printed once while no other code is tried', async () => {
  expect(await told(refused, refused)).toEqual([REFUSED])
})

test('a refusal that was undone is printed as such, and printed again when it comes back', async () => {
  const undone: ManagerEventBody = { type: 'generation-unchanged', generation: '0123456789ab' }
  const line = '✓ what is on disk is 0123456 again, which serves'
  expect(await told(refused, undone, refused)).toEqual([REFUSED, line, REFUSED])
})

test('a refusal after other code has served is printed again', async () => {
  const cut: ManagerEventBody = {
    type: 'generation-cut',
    generation: '456789abcdef',
    previous: '0123456789ab',
    tookMs: 84,
  }
  expect(await told(refused, cut, refused)).toEqual([REFUSED, '✓ 0123456 → 456789a in 84 ms', REFUSED])
})

test('of saves that overtake each other only the third is printed, and what is wrong with the last', async () => {
  const overtaken = (generation: string): ManagerEventBody => ({
    type: 'generation-refused',
    refusal: { code: 'superseded', generation, message: 'newer content is on disk: app.ts changed', atMs: 0 },
  })
  expect(await told(overtaken('1111111aaaaa'), overtaken('2222222aaaaa'), refused)).toEqual([REFUSED])
  const many = ['1111111aaaaa', '2222222aaaaa', '3333333aaaaa', '4444444aaaaa'].map(overtaken)
  expect(await told(...many, refused)).toEqual([
    '✗ 3333333 refused; still serving 0123456: newer content is on disk: app.ts changed',
    REFUSED,
  ])
})

test('an event that cannot be printed ends nothing', async () => {
  const broken = { type: 'generation-refused', refusal: null } as unknown as ManagerEventBody
  const lines = await told(broken, refused)
  expect(lines).toHaveLength(2)
  expect(lines[0]).toStartWith('the event generation-refused cannot be told: ')
  expect(lines[1]).toBe(REFUSED)
})

test('a worker that did not start is printed with the refusal of its code, or by itself if it was a replacement', async () => {
  const failure = { kind: 'import', message: 'no database' } as const
  const exited = {
    type: 'worker-exited',
    slot: 1,
    pid: 7,
    generation: 'fedcba987654',
    reason: { kind: 'boot-failed', failure },
    uptimeMs: 71,
    requests: 0,
  } as unknown as ManagerEventBody
  expect(await told(exited, refused)).toEqual([REFUSED])
  const again = { ...exited, respawnInMs: 500 } as unknown as ManagerEventBody
  expect(await told(again)).toEqual([
    '✗ worker 1 (7) did not start, after 71 ms: no database; next start in 500 ms',
  ])
})

test('that many answers fail is printed with the reason when it begins, and when it is over', async () => {
  const failing = { type: 'health', health: 'failing', reasons: ['20 of 20 answers failed'] } as const
  const ok = { type: 'health', health: 'ok' } as const
  expect(await told(failing, failing, ok, ok)).toEqual(['failing: 20 of 20 answers failed', 'healthy again'])
})

test('a line that is wider than the terminal is folded between words, and what it quotes stays as it was written', async () => {
  const stderr = `${'x '.repeat(40)}\n`
  const crashed: ManagerEventBody = {
    type: 'worker-exited',
    slot: 2,
    pid: 42,
    reason: { kind: 'crashed', code: 3, signal: null, stderr },
    uptimeMs: 90_000,
    requests: 7,
    respawnInMs: 1_500,
  }
  const [stopping, exit] = await toldOn({ interactive: true, columns: 60 }, [{ type: 'stopping' }, crashed])
  expect(stopping).toMatch(
    /^[\d:]{8} stopping: finishing the requests under way \(Ctrl-C\n {2}again to stop now\)$/,
  )
  expect(
    exit!
      .split('\n')
      .slice(0, 2)
      .every((line) => line.length <= 60),
  ).toBe(true)
  expect(exit).toContain(stderr.trim())
})
