import { describe, expect, test } from 'bun:test'
import { chmodSync, chownSync, existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { placeBun } from '../server.ts'
import { GID, ids, isRoot, openSandbox, UID, USER, writeApp } from './user-sandbox.ts'

const TEST_TIMEOUT_MS = 90_000

describe.skipIf(!isRoot)('--user', () => {
  test(
    'evaluates the configuration as that user, who may own the file',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      await writeFile(
        join(folder, 'rip-server.config.js'),
        `import { writeFileSync } from 'node:fs'
         try { writeFileSync('${sandbox.folder}/uid', '') } catch {}
         if (process.getuid() !== ${UID}) throw new Error('evaluated by ' + process.getuid())
         export default { workers: 1 }`,
      )
      await sandbox.start(folder, '0', '-b', '127.0.0.1', '--user', USER)
      const reloaded = await sandbox.run('reload')
      expect([reloaded.code, reloaded.stderr]).toEqual([0, ''])
      expect(existsSync(join(sandbox.folder, 'uid'))).toBe(false)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'in the configuration counts only if root alone can change the file',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const file = join(folder, 'rip-server.config.js')
      await writeFile(file, `export default { user: '${USER}', workers: 1 }`)
      const server = await sandbox.start(folder, '0', '-b', '127.0.0.1')
      expect(await server.json('/')).toMatchObject(ids)
      expect(await sandbox.run('stop')).toMatchObject({ code: 0 })
      chownSync(file, UID, GID)
      const { code, stderr } = await sandbox.run(folder, '0', '-b', '127.0.0.1')
      expect(code).toBe(5)
      expect(stderr).toContain(`user: ${file} can be changed by others than root`)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is refused if that user cannot enter the run directory',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const closed = join(sandbox.folder, 'closed')
      await mkdir(closed, { mode: 0o700 })
      const start = (...args: string[]) => sandbox.run(folder, '0', '--user', USER, ...args)
      const refused = { code: 1, stderr: expect.stringContaining(`chmod o+x ${closed}`) }
      expect(await start('--run-dir', join(closed, 'run'))).toMatchObject(refused)
      sandbox.variables = { ...sandbox.variables, XDG_RUNTIME_DIR: closed }
      expect(await start()).toMatchObject(refused)
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'proves an application as that user',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const { code, stderr } = await sandbox.run('check', folder, '--user', USER)
      expect([code, stderr]).toEqual([0, expect.stringContaining('is ready after')])
    },
    TEST_TIMEOUT_MS,
  )

  for (const [text, says, exit] of [
    ['nobody-here', 'there is no user nobody-here', 2],
    ['54321', 'user 54321 has no entry, so name a group as well', 2],
    ['54321:no-such-group', 'there is no group no-such-group', 2],
    ['root', 'a user other than root', 2],
    ['0:0', 'a user other than root', 2],
    ['4294967295:1', 'there is no user 4294967295', 2],
    ['-1', 'expected NAME or NAME:GROUP', 2],
    ['a:b:c', 'expected NAME or NAME:GROUP', 2],
    ['nobody:', 'expected NAME or NAME:GROUP', 2],
  ] as const)
    test(
      `refuses ${text}`,
      async () => {
        await using sandbox = await openSandbox()
        const { code, stderr } = await sandbox.run(await writeApp(sandbox), '0', `--user=${text}`)
        expect(stderr).toContain(says)
        expect(code).toBe(exit)
      },
      TEST_TIMEOUT_MS,
    )

  test(
    'refuses settings that could not work before any process is started',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const refused = async (...args: string[]): Promise<string> => {
        const { code, stderr } = await sandbox.run(folder, '0', ...args)
        expect([code, stderr]).toEqual([5, expect.any(String)])
        return stderr
      }
      expect(await refused('--user', USER, '--balancer-user', USER)).toContain('has to be another than user')
      expect(await refused('--balancer-user', USER)).toContain('balancerUser: needs user')
      chmodSync(join(folder, 'index.js'), 0o600)
      expect(await refused('--user', USER)).toContain(`cannot read ${join(folder, 'index.js')}`)
      chmodSync(join(folder, 'index.js'), 0o644)
      await writeFile(
        join(folder, 'rip-server.config.js'),
        `export default { balancer: { accessLog: { format: 'text', file: '/var/log/shop.log' } } }`,
      )
      expect(await refused('--user', USER)).toContain(
        '/var/log/shop.log needs a user who can write to its folder',
      )
      await mkdir(join(sandbox.folder, 'closed'), { mode: 0o700 })
      await placeBun(join(sandbox.folder, 'closed/bun'))
      sandbox.variables = { PATH: `${join(sandbox.folder, 'closed')}:${process.env['PATH']}` }
      expect(await refused('--user', USER)).toContain('install Bun where every user can run it')
      expect(await sandbox.leftovers()).toEqual([])
    },
    TEST_TIMEOUT_MS,
  )

  test(
    'is for root only, and root is warned without it',
    async () => {
      await using sandbox = await openSandbox()
      const folder = await writeApp(sandbox)
      const child = Bun.spawn(
        [
          join(sandbox.folder, 'bin/bun'),
          fileURLToPath(new URL('../../bin/rip-server', import.meta.url)),
        ].concat(folder, '0', '--user', 'nobody'),
        { uid: UID, gid: GID, env: sandbox.env(), cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] },
      )
      expect(await new Response(child.stderr).text()).toContain(
        'user: only root can run workers as another user',
      )
      expect(await child.exited).toBe(5)

      sandbox.variables = { ...sandbox.variables, container: '' }
      const server = await sandbox.start(folder, 'w:1', '0', '-b', '127.0.0.1')
      const warning = 'warning the application runs as root'
      if (existsSync('/.dockerenv') || existsSync('/run/.containerenv'))
        expect(server.stderr).not.toContain(warning)
      else expect(server.stderr).toContain(warning)
      expect(await sandbox.run('stop', folder)).toMatchObject({ code: 0 })
      sandbox.variables = { ...sandbox.variables, container: 'podman' }
      const contained = await sandbox.start(folder, 'w:1', '0', '-b', '127.0.0.1')
      expect(contained.stderr).not.toContain('as root')
    },
    TEST_TIMEOUT_MS,
  )
})
