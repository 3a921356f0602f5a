import { describe, expect, test } from 'bun:test'
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Sandbox, until } from '../server.ts'
import { commonName } from './common-name.ts'

const TEST_TIMEOUT_MS = 60_000
/** Two pairs made for tests; they serve nothing else. */
const CERTIFICATES = fileURLToPath(
  new URL('../../../rip-balancer/test/listener/certificates/', import.meta.url),
)

/** Pairs for named hosts, one of which has expired. */
const NAMED = fileURLToPath(new URL('../../../rip-balancer/test/tls/certificates/', import.meta.url))

const insecure = { keepalive: false, tls: { rejectUnauthorized: false } }

async function place(name: 'first' | 'second', folder: string): Promise<void> {
  for (const ending of ['crt', 'key']) {
    await copyFile(join(CERTIFICATES, `${name}.${ending}`), join(folder, `new.${ending}`))
    await rename(join(folder, `new.${ending}`), join(folder, `server.${ending}`))
  }
}

describe('on the open Internet the server', () => {
  test(
    'serves https, and takes a renewed certificate while requests go on',
    async () => {
      await using sandbox = await Sandbox.create()
      const { folder } = sandbox
      await place('first', folder)
      const app = await sandbox.fixture('ts-app')
      const server = await sandbox.start(
        app,
        'w:1',
        '0',
        '--tls-cert',
        'server.crt',
        '--tls-key',
        'server.key',
      )
      expect(server.url).toStartWith('https://localhost:')
      expect(await commonName(server)).toBe('first.test')
      let stopped = false
      let asked = 0
      const asking = async (): Promise<void> => {
        while (!stopped) {
          expect((await fetch(server.url, insecure)).status).toBe(200)
          asked++
        }
      }
      const load = Promise.all([asking(), asking()])
      await place('second', folder)
      await until('the new certificate is shown', async () => (await commonName(server)) === 'second.test')
      stopped = true
      await load
      expect(asked).toBeGreaterThan(0)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'can run several balancer processes with a limit and a log',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.fixture('ts-app')
      const balancer = {
        processes: 2,
        limits: { body: '1KiB' },
        accessLog: { format: 'json', file: 'access.log' },
      }
      await writeFile(join(app, 'rip-server.config.ts'), `export default ${JSON.stringify({ balancer })}`)
      const server = await sandbox.start(app, 'w:2', '0')
      const large = await fetch(server.url, { method: 'POST', body: 'x'.repeat(2_000) })
      expect(large.status).toBe(413)
      for (let n = 0; n < 8; n++) expect((await fetch(server.url, { keepalive: false })).status).toBe(200)
      const lines = await until('the log has nine lines', async () => {
        const text = await readFile(join(app, 'access.log'), 'utf8').catch(() => '')
        const whole = text.split('\n').slice(0, -1)
        return whole.length === 9 ? whole : undefined
      })
      const statuses = lines.map((line) => (JSON.parse(line) as { status: number }).status)
      expect(statuses.toSorted((a, b) => a - b)).toEqual([...Array<number>(8).fill(200), 413])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'writes a log without a file to standard output, a line for each request',
    async () => {
      await using sandbox = await Sandbox.create()
      const server = await sandbox.start(await sandbox.fixture('ts-app'), 'w:1', '0', '--access-log', 'json')
      await fetch(`${server.url}/logged`)
      const line = await until(
        'the line is there',
        () => /^\{.*"target":"\/logged".*\}$/m.exec(server.stdout)?.[0],
      )
      expect(JSON.parse(line)).toMatchObject({ method: 'GET', status: 200, outcome: 'completed' })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'ends the start with exit code 5 if a certificate cannot be used',
    async () => {
      await using sandbox = await Sandbox.create()
      await place('first', sandbox.folder)
      const app = await sandbox.fixture('ts-app')
      const keys = ['--tls-cert', 'server.crt', '--tls-key', join(CERTIFICATES, 'second.key')]
      const { code, stderr } = await sandbox.run(app, 'w:1', '0', ...keys)
      expect(code).toBe(5)
      expect(stderr).toMatch(/the key \S+second\.key does not belong to the certificate \S*server\.crt/)
      const absent = await sandbox.run(app, 'w:1', '0', '--tls-cert', 'nope.pem', '--tls-key', 'server.key')
      expect([absent.code, absent.stderr]).toEqual([
        5,
        expect.stringMatching(/nope\.pem: there is no such file \(--tls-cert\)/),
      ])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'does not replace a valid certificate by an expired one, which check refuses; status shows both',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.fixture('ts-app')
      const install = async (name: string): Promise<void> => {
        for (const ending of ['crt', 'key'])
          await copyFile(join(NAMED, `${name}.${ending}`), join(sandbox.folder, `server.${ending}`))
      }
      const keys = ['--tls-cert', 'server.crt', '--tls-key', 'server.key']
      await install('expired')
      const refused = await sandbox.run('check', app, ...keys)
      expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('it expired on 2025-01-01')])
      const late = await sandbox.start(app, 'w:1', '0', ...keys)
      // In time: before the block that ends the start.
      expect(late.stderr).toMatch(/the certificate \S*server\.crt expired on 2025-01-01: renew it[^]*url/)
      late.kill('SIGTERM')
      await late.finished()
      await install('backend')
      const fine = await sandbox.run('check', app, ...keys)
      expect([fine.code, fine.stderr]).toEqual([0, expect.stringMatching(/expires in \d+ days, on \d{4}-/)])
      const server = await sandbox.start(app, 'w:1', '0', ...keys)
      await install('expired')
      await server.says(
        /certificate not replaced, still serving the previous one: .*it expired on 2025-01-01/,
      )
      const { code, stdout } = await sandbox.run('status')
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^health +ok: .*is not used: .*expired/m)])
      expect(stdout).toMatch(
        /^certificate +backend\.test, .*, expires in \d+ days, on \d{4}-\d\d-\d\d \(.*server\.crt\)$/m,
      )
      const doctor = JSON.parse((await sandbox.run('doctor', '--json')).stdout) as { name: string }[]
      expect(doctor.find(({ name }) => name === 'certificate')).toMatchObject({
        value: expect.stringContaining('server.crt'),
        advice: expect.stringContaining('it expired on 2025-01-01'),
      })
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'serves the certificate it has while its file is spoilt, also by a balancer that is started anew, and takes releases',
    async () => {
      await using sandbox = await Sandbox.create()
      const app = await sandbox.fixture('ts-app')
      await place('first', sandbox.folder)
      const file = join(sandbox.folder, 'server.crt')
      const server = await sandbox.start(app, 'w:1', '0', '--tls-cert', file, '--tls-key', 'server.key')
      await writeFile(file, 'spoilt')
      await server.says(
        'certificate not replaced, still serving the previous one: there is no certificate in',
      )
      const { traffic } = await sandbox.snapshot(server)
      process.kill(traffic!.balancers[0]!, 'SIGKILL')
      expect((await fetch(server.url, insecure)).status).toBe(200)
      expect(await commonName(server)).toBe('first.test')
      const { stdout } = await sandbox.run('status')
      expect(stdout).toMatch(/^health +ok: the certificate on disk is not used: there is no certificate in /m)
      await writeFile(join(app, 'other.ts'), 'export const other = 1\n')
      const entry = join(app, 'server.ts')
      await writeFile(entry, `import './other.ts'\n${await readFile(entry, 'utf8')}`)
      expect(await sandbox.run('reload')).toMatchObject({ code: 0, stdout: expect.stringContaining('→') })
      const refused = await sandbox.run('restart', '--manager')
      expect([refused.code, refused.stderr]).toEqual([
        8,
        expect.stringContaining(`there is no certificate in ${file}`),
      ])
      await place('second', sandbox.folder)
      await until('the new certificate is shown', async () => (await commonName(server)) === 'second.test')
    },
    TEST_TIMEOUT_MS,
  )
})
