import type { PatternStage } from './pattern-stage.ts'

/** A way in which backends fail and recover. */
export interface Pattern {
  readonly name: string
  readonly backends: number
  /** Number of failing backends, the first ones. */
  readonly failing: number
  /** Share of the time in which they fail, until they recover. @default 1 */
  readonly badShare?: number
  /** Whether some requests are for 1.5 MB. */
  readonly large?: boolean
  /** Makes backends fail until the time is over. */
  fail(stage: PatternStage, isOver: () => boolean): Promise<void>
}

const FLAP_MS = 700

const whileFailing = async (isOver: () => boolean): Promise<void> => {
  while (!isOver()) await Bun.sleep(20)
}

const pattern = (name: string, behaviour: string, more: Partial<Pattern> = {}): Pattern => ({
  name,
  backends: 3,
  failing: 1,
  async fail(stage, isOver) {
    await stage.behave(behaviour)
    await whileFailing(isOver)
  },
  ...more,
})

export const PATTERNS: readonly Pattern[] = [
  pattern('one of three refuses connections', 'refuse'),
  pattern('one of three resets them', 'reset'),
  pattern('one of three accepts and says nothing', 'hang'),
  pattern('one of three answers after 1.5 s', 'slow'),
  pattern('one of three answers with garbage', 'garbage'),
  pattern('two of four refuse connections', 'refuse', { backends: 4, failing: 2 }),
  pattern('all of three refuse connections', 'refuse', { failing: 3 }),
  pattern('one of three resets for 0.7 s, and not for 0.7 s', '', {
    badShare: 0.5,
    async fail(stage, isOver) {
      for (let turn = 0; !isOver(); turn++) {
        await stage.behave(turn % 2 === 0 ? 'reset' : 'good')
        await Bun.sleep(FLAP_MS)
      }
    },
  }),
  pattern('one of three resets one request in ten', 'one-in-ten'),
  pattern('one of three breaks off after 1 MB', 'after-1mb', { large: true }),
]
