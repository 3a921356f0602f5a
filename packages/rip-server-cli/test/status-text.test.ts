import { expect, test } from 'bun:test'
import type { Instance, ManagerStatus } from '@rip/manager'
import { statusText } from '../src/commands/status.ts'
import type { Terminal } from '../src/terminal/terminal.ts'

const plain = (text: string): string => text
const terminal = { strong: plain, faint: plain, good: plain, bad: plain } as Terminal

const status: ManagerStatus = {
  version: 1,
  name: 'shop',
  pid: 7,
  root: '/srv/shop',
  health: 'crash-loop',
  healthReasons: ['0 of 2 workers are ready'],
  generation: 'a1b2c3d4',
  previousGeneration: null,
  wantedWorkers: 2,
  readyWorkers: 0,
  watching: false,
  held: false,
  reloads: { admitted: 1, refused: 0 },
  restarts: 4,
  crashes: null,
  lastRefusal: null,
  disk: null,
  condemned: null,
  workers: [],
  background: [],
  startedAtMs: 0,
}

test('there is no table of workers where there are none', () => {
  const text = statusText({} as Instance, status, terminal)
  expect(text).toMatch(/^health +crash-loop: 0 of 2 workers are ready$/m)
  expect(text).not.toMatch(/^worker /m)
})
