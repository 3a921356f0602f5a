import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ManagerStatus } from '@rip/manager'
import { Sandbox, until } from '../server.ts'
import { serveCode } from './serve-code.ts'

const TEST_TIMEOUT_MS = 60_000

test(
  'a worker whose event loop is blocked is shown as late, with its request',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await serveCode(sandbox, 'export default () => { for (;;) {} }')
    const abort = new AbortController()
    const lost = fetch(server.url, { signal: abort.signal }).catch(() => undefined)
    const worker = await until('it is late', async () => {
      const [first] = (await sandbox.snapshot(server)).workers
      return first !== undefined && first.loopLagMs > 3_000 ? first : undefined
    })
    expect(worker).toMatchObject({ state: 'ready', inFlight: 1 })
    const { stdout } = await sandbox.run('status')
    expect(stdout).toMatch(/^health +ok: worker 1 has blocked its event loop for /m)
    abort.abort()
    await lost
  },
  TEST_TIMEOUT_MS,
)

test(
  'an application that answers only 500 is shown as failing, with the reason and the rates',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await serveCode(sandbox, "export default () => new Response('no', { status: 500 })")
    for (let n = 0; n < 20; n++) await (await fetch(server.url)).text()
    const { code, stdout } = await sandbox.run('status')
    expect(code).toBe(1)
    expect(stdout).toMatch(/^health +failing: 20 of 20 answers \(100 %\) failed in the last \d+ s$/m)
    expect(stdout).toMatch(/^w1\.1 +20 +[\d.]+ +0 +0 +0 +20 +20 +[\d.]+ m?s/m)
    await server.says(/failing: 20 of 20 answers \(100 %\) failed in the last \d+ s/)
    const json = JSON.parse((await sandbox.run('status', '--json')).stdout) as ManagerStatus
    expect(json.answers).toMatchObject([
      { generation: json.generation!, requests: 20, failed: 20, statuses: { '2xx': 0, '5xx': 20 } },
    ])
    expect(json.workers[0]!.answers!.p99Ms).toBeGreaterThan(0)
  },
  TEST_TIMEOUT_MS,
)

test(
  'a crash loop is shown with the last exit, what was written before it, the number of crashes and the next start',
  async () => {
    await using sandbox = await Sandbox.create()
    const server = await serveCode(
      sandbox,
      crashOnCue(sandbox, "console.error('cannot reach\\u001b[2J database shop'); process.exit(9)") +
        "export default () => new Response('hi')",
    )
    await giveCue(sandbox)
    await until('it is in a crash loop', async () => (await sandbox.snapshot(server)).health === 'crash-loop')
    const shown = await until('the next start is known', async () => {
      const { stdout } = await sandbox.run('status')
      return stdout.includes('next start in') ? stdout : undefined
    })
    expect(shown).toMatch(/^health +crash-loop: 0 of 1 workers are ready$/m)
    expect(shown).toMatch(
      /^crashes +\d+ lately; the last: worker 1 crashed with code 9 .* ago; next start in /m,
    )
    expect(shown).toMatch(/^worker 1 wrote before it crashed\n {2}cannot reach.* database shop$/m)
    expect(shown).not.toContain('\u001b')
  },
  TEST_TIMEOUT_MS,
)

test(
  'what a background process wrote before it crashed is shown',
  async () => {
    await using sandbox = await Sandbox.create()
    const jobs = join(sandbox.folder, 'jobs.ts')
    await writeFile(jobs, crashOnCue(sandbox, "console.error('cannot reach the queue'); process.exit(5)"))
    await serveCode(sandbox, "export default () => new Response('hi')", '--background', jobs)
    await giveCue(sandbox)
    const shown = await until('it has crashed', async () => {
      const { stdout } = await sandbox.run('status')
      return stdout.includes('crashed with code 5') ? stdout : undefined
    })
    expect(shown).toMatch(/^jobs wrote before it crashed\n {2}cannot reach the queue$/m)
  },
  TEST_TIMEOUT_MS,
)

/** Code that does `crash` as soon as the cue is given, and each process that is started after it when it is 0.3 s old. */
function crashOnCue(sandbox: Sandbox, crash: string): string {
  return `import { existsSync } from 'node:fs'
setTimeout(() => setInterval(() => { if (existsSync('${cueOf(sandbox)}')) { ${crash} } }, 20), 300)
`
}

async function giveCue(sandbox: Sandbox): Promise<void> {
  await writeFile(cueOf(sandbox), '')
}

function cueOf(sandbox: Sandbox): string {
  return join(sandbox.folder, 'cue')
}
