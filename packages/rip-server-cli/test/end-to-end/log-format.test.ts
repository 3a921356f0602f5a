import { expect, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Sandbox, until } from '../server.ts'

const PATIENCE_MS = 60_000
/** The longest line that is printed in one piece. */
const WHOLE_BYTES = 262_144

/** Writes one line of each kind per request, and at its end a last one without a line end. */
const SOURCE = `
const long = JSON.stringify({ msg: 'long', pad: '' })
const pad = (bytes) => JSON.stringify({ msg: 'long', pad: 'x'.repeat(bytes - long.length) })
export default () => {
  console.log(JSON.stringify({ level: 30, time: 1700000000000, msg: 'structured', id: 'n' }).replace('"n"', '12345678901234567890'))
  console.log('\\u001b[31mplain\\u001b[0m')
  process.stdout.write(new Uint8Array([0x62, 0xff, 0x64, 10]))
  console.log(pad(${WHOLE_BYTES}))
  console.log('y'.repeat(${WHOLE_BYTES} + 1))
  console.error(JSON.stringify({ level: 50, msg: 'complaint' }))
  return new Response('ok')
}
export const close = () => void process.stdout.write('without an end')
`

async function withApplication(sandbox: Sandbox): Promise<string> {
  const folder = join(sandbox.folder, 'app')
  await mkdir(folder, { recursive: true })
  await Bun.write(join(folder, 'package.json'), '{"name":"app","type":"module"}')
  await Bun.write(join(folder, 'index.ts'), SOURCE)
  return folder
}

/** The address in the text or object that reports that it serves. */
function urlIn(output: string): string | undefined {
  return /url[":\s]+(https?:\/\/[^\s"\\]+)/.exec(output)?.[1]
}

/** Serves two requests with these arguments; returns the whole output. */
async function printed(
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  await using sandbox = await Sandbox.create()
  const folder = await withApplication(sandbox)
  const server = sandbox.launch('start', folder, '--port', '0', '--bind', '127.0.0.1', 'w:2', ...args)
  const instance = await until('it serves', async () => {
    const { stdout } = await sandbox.run('ps', '--json')
    const [first] = JSON.parse(stdout || '[]') as { url?: string }[]
    return first?.url
  })
  await until('it answers', () =>
    fetch(instance).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  expect((await fetch(instance)).status).toBe(200)
  server.kill('SIGTERM')
  return server.finished()
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')
const objects = (text: string): Record<string, unknown>[] =>
  lines(text).map((line) => JSON.parse(line) as Record<string, unknown>)

test(
  'with --json every line of both outputs is an object, from the start to the end',
  async () => {
    const { stdout, stderr } = await printed(['--json', '--access-log', 'text', '--verbose'])
    const said = objects(stdout)
    expect(objects(stderr).length).toBeGreaterThan(0)
    expect(said.find(({ type }) => type === 'serving')).toMatchObject({ url: urlIn(stdout), workers: 2 })
    const structured = said.find(({ msg }) => msg === 'structured')
    expect(structured).toMatchObject({ level: 30, time: 1_700_000_000_000, stream: 'stdout' })
    expect(structured?.['worker']).toBeOneOf([1, 2])
    expect(structured?.['generation']).toBe(
      said.find(({ type }) => type === 'generation-cut')?.['generation'],
    )
    expect(stdout).toContain(':12345678901234567890}')
    expect(said.find(({ message }) => message === 'plain')).toMatchObject({ stream: 'stdout' })
    expect(said.find(({ message }) => message === 'b\uFFFDd')).toBeDefined()
    expect(said.find(({ msg }) => msg === 'long')?.['pad']).toMatch(/^x+$/)
    const pieces = said.filter(({ message }) => typeof message === 'string' && /^y+$/.test(message))
    expect(pieces.slice(0, 2).map(({ partial }) => partial)).toEqual([true, undefined])
    expect(said.find(({ message }) => message === 'without an end')).toBeDefined()
    expect(objects(stderr).find(({ msg }) => msg === 'complaint')).toMatchObject({
      stream: 'stderr',
      level: 50,
    })
    expect(
      said.find(({ service, stream }) => service === 'balancer' && stream === 'stdout')?.['message'],
    ).toContain('"GET /" 200')
  },
  PATIENCE_MS,
)

test(
  'with --log-format raw, and with --quiet, standard output is the unchanged output of the workers',
  async () => {
    for (const args of [['--log-format', 'raw'], ['--quiet']]) {
      const { stdout } = await printed(args)
      const [first, second] = lines(stdout)
      expect(first).toBe('{"level":30,"time":1700000000000,"msg":"structured","id":12345678901234567890}')
      expect(second).toBe('\u001b[31mplain\u001b[0m')
      expect(stdout).not.toContain(' | ')
      expect(stdout).toEndWith('without an end\n')
    }
  },
  2 * PATIENCE_MS,
)

test(
  'by default each line begins with the name of its worker, also without a terminal',
  async () => {
    const { stdout, stderr } = await printed([])
    for (const line of lines(stdout)) expect(line).toMatch(/^w[12] \| /)
    expect(stderr).toContain('serving after')
  },
  PATIENCE_MS,
)

test(
  'the environment and the configuration file can set the format, too',
  async () => {
    await using sandbox = await Sandbox.create()
    const folder = await withApplication(sandbox)
    await Bun.write(join(folder, 'rip-server.config.ts'), `export default { logFormat: 'json' }`)
    const { stdout } = await sandbox.run('config', folder, '--sources')
    expect(stdout).toMatch(/log-?format.*json.*rip-server\.config\.ts/i)
    await Bun.write(join(folder, 'index.ts'), 'export default')
    const { stdout: out, stderr, code } = await sandbox.run('start', folder, '--port', '0')
    expect([out, code]).toEqual(['', 4])
    expect(objects(stderr).at(-1)).toMatchObject({ level: 'error' })
  },
  PATIENCE_MS,
)

test('unknown and contradictory formats are refused', async () => {
  await using sandbox = await Sandbox.create()
  const folder = await withApplication(sandbox)
  const unknown = await sandbox.run('start', folder, '--log-format', 'xml')
  expect([unknown.code, unknown.stdout]).toEqual([2, ''])
  expect(unknown.stderr).toContain('--log-format: expected one of text, json, raw, got "xml"')
  const both = await sandbox.run('start', folder, '--json', '--log-format', 'raw')
  expect([both.code, both.stdout]).toEqual([2, ''])
  expect(objects(both.stderr)[0]?.['message']).toContain('contradict')
  const logs = await sandbox.run('logs', '--log-format', 'xml')
  expect([logs.code, logs.stdout]).toEqual([2, ''])
})

test(
  'logs prints earlier lines in each format',
  async () => {
    await using sandbox = await Sandbox.create()
    const folder = await withApplication(sandbox)
    const server = await sandbox.start('start', folder, '--port', '0', 'w:1')
    await fetch(server.url)
    const following = ['text', 'json', 'raw'].map((format) =>
      sandbox.launch('logs', folder, '--log-format', format),
    )
    for (const each of following) await until('all lines came', () => each.stdout.includes('yyy'))
    server.kill('SIGTERM')
    const [text, json, raw] = await Promise.all(following.map(async (each) => (await each.finished()).stdout))
    expect(lines(text ?? '').every((line) => /^(w1|balancer) \| /.test(line))).toBe(true)
    expect(objects(json ?? '').find(({ msg }) => msg === 'structured')).toMatchObject({
      worker: 1,
      level: 30,
    })
    expect(lines(raw ?? '')).toContain('\u001b[31mplain\u001b[0m')
    expect(raw).toEndWith('without an end\n')
    expect(text).not.toContain('listening')
  },
  PATIENCE_MS,
)

test(
  'logs --no-follow ends after the existing lines, and begins with lines before the last rotation',
  async () => {
    await using sandbox = await Sandbox.create()
    const folder = await withApplication(sandbox)
    await Bun.write(
      join(folder, 'index.ts'),
      `const line = JSON.stringify({ msg: 'l', pad: 'x'.repeat(1_000) })
       let n = 0
       export default () => {
         for (let at = 0; at < 100; at += 1) console.log(line.replace('"l"', String(n++)))
         return new Response('ok')
       }`,
    )
    const server = await sandbox.start('start', folder, '--port', '0', 'w:1')
    const requests = 50
    for (let request = 0; request < requests; request += 1) await fetch(server.url)
    const expected = Array.from({ length: requests * 100 }, (_, n) => n)
    await until('all was written', () => server.stdout.includes(`{"msg":${expected.length - 1},`))
    const read = async (): Promise<unknown[]> =>
      objects((await sandbox.run('logs', folder, '--json', '--no-follow')).stdout).map(({ msg }) => msg)
    // The log is written in batches, a little later.
    await until('all is in the log', async () => (await read()).at(-1) === expected.at(-1))
    expect(await read()).toEqual(expected)
  },
  PATIENCE_MS,
)
