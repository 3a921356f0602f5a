/**
 * Checks the alert rules of docs/alerts.yml, and what a running server answers to a scrape, with promtool of Debian's package
 * prometheus. Unlike the tests it needs that program, and is run by `.ci/run`: `bun run peers`.
 */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sandbox } from '../server.ts'

setDefaultTimeout(60_000)

const RULES = fileURLToPath(new URL('../../../../docs/alerts.yml', import.meta.url))
const RULE_TESTS = fileURLToPath(new URL('alerts.test.yml', import.meta.url))

/** What promtool says; it says nothing of metrics that are as they should be. */
async function promtool(args: readonly string[], input = ''): Promise<{ code: number; text: string }> {
  const child = Bun.spawn(['promtool', ...args], {
    stdin: Buffer.from(input),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, text: out + err }
}

test('the alert rules are valid, and tell what they should when they should', async () => {
  expect(await promtool(['check', 'rules', RULES])).toEqual({
    code: 0,
    text: expect.stringContaining('SUCCESS'),
  })
  expect(await promtool(['test', 'rules', RULE_TESTS])).toEqual({
    code: 0,
    text: expect.stringContaining('SUCCESS'),
  })
})

test('metrics of a running server are as Prometheus wants them', async () => {
  await using sandbox = await Sandbox.create()
  const { folder } = sandbox
  await writeFile(
    join(folder, 'index.js'),
    `export default (request) => new Response('', { status: request.method === 'POST' ? 500 : 200 })`,
  )
  const unix = join(folder, 'ops.sock')
  const server = await sandbox.start(folder, '-b', '127.0.0.1', '-p', '0', 'w:1', '--ops', `unix:${unix}`)
  for (const method of ['GET', 'POST', 'STRANGE']) await fetch(server.url, { method })
  const metrics = await (await fetch('http://ops/metrics', { unix })).text()
  expect(await promtool(['check', 'metrics'], metrics)).toEqual({ code: 0, text: '' })
})
