import { expect, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { REGISTER, runBun } from '../run-bun.ts'
import { tempProject } from '../temp-project.ts'

test('processes that start at once share the folder and all get the right code', async () => {
  using project = tempProject({ 'main.rip': 'console.log 6 * 7\n' })
  const options = { cwd: project.root, env: { RIP_CACHE: '', XDG_CACHE_HOME: project.path('cache') } }
  const runs = await Promise.all([1, 2, 3, 4].map(() => runBun(['--preload', REGISTER, 'main.rip'], options)))
  expect(runs.map((run) => run.stdout)).toEqual(['42\n', '42\n', '42\n', '42\n'])
  expect(readdirSync(project.path('cache/rip-server/compiled'))).toHaveLength(1)
})

test('a later process takes the code from the cache', async () => {
  using project = tempProject({ 'main.rip': 'console.log 6 * 7\n' })
  const options = { cwd: project.root, env: { RIP_CACHE: '', XDG_CACHE_HOME: project.path('cache') } }
  await runBun(['--preload', REGISTER, 'main.rip'], options)
  const [entry] = readdirSync(project.path('cache/rip-server/compiled'))
  const body = JSON.stringify({ code: 'console.log("from the cache")', dependencies: [] })
  const path = project.path(`cache/rip-server/compiled/${entry}`)
  writeFileSync(path, `${Bun.hash(body).toString(36)}\n${body}`)
  const run = await runBun(['--preload', REGISTER, 'main.rip'], options)
  expect(run.stdout).toBe('from the cache\n')
})
