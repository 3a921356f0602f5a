import { expect, test } from 'bun:test'
import type { ReloadResult } from '@rip/manager'
import { CommandSandbox } from './in-process.ts'

const done: ReloadResult = {
  ok: true,
  generation: 'bbbbbbbb',
  previous: 'aaaaaaaa',
  tookMs: 80,
  unchanged: false,
  watchedMs: 10_000,
}

test('reload --wait says when the code that stays fails, and only then', async () => {
  await using sandbox = new CommandSandbox()
  const manager = { reload: async () => done }
  const healthReasons = ['178 of 255 answers (70 %) failed in the last 12 s']
  await sandbox.pretend('bad', { manager, status: { health: 'failing', healthReasons } })
  await sandbox.pretend('good', { manager, status: { healthReasons: ['worker 1 is late'] } })
  const stays = 'aaaaaaa → bbbbbbb in 80 ms; its answers were watched, it stays\n'
  expect(await sandbox.run('reload', '--wait', '--name', 'bad')).toEqual({
    code: 0,
    stdout: stays,
    stderr: `warning ${healthReasons[0]}: see rip-server status --routes\n`,
  })
  expect(await sandbox.run('reload', '--wait', '--name', 'good')).toEqual({
    code: 0,
    stdout: stays,
    stderr: '',
  })
  expect((await sandbox.run('reload', '--name', 'bad')).stderr).toBe('')
})
