import { describe, expect, test } from 'bun:test'
import { chownSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findInstances, readInstance } from '../../src/run-dir/instance.ts'
import type { Environment } from '../../src/run-dir/locate.ts'
import { openRunDir } from '../../src/run-dir/open-run-dir.ts'
import type { RunDir } from '../../src/run-dir/run-dir.ts'
import { processStartTime } from '../../src/system/start-time.ts'
import { temporaryFolder, type TemporaryFolder } from '../real.ts'

const envOf = (folder: TemporaryFolder): Environment => ({ XDG_RUNTIME_DIR: folder.path })
const state = { name: 'shop', root: '/srv/shop', startedAtMs: 1 }

describe('findInstances finds', () => {
  test('nothing in other places when a place was named', async () => {
    await using folder = await temporaryFolder()
    await using elsewhere = await temporaryFolder()
    const env = { ...envOf(elsewhere), TMPDIR: folder.path }
    await using runDir = await openRunDir({ root: '/srv/shop', env: { RUNTIME_DIRECTORY: folder.path } })
    runDir.publish({ ...state, name: 'shop', url: 'http://x' })
    expect(findInstances({ RUNTIME_DIRECTORY: folder.path }).map(({ name }) => name)).toContain('shop')
    expect(findInstances({ ...env, RUNTIME_DIRECTORY: folder.path })).toEqual([])
  })

  test('every running instance, in any of the places', async () => {
    await using folder = await temporaryFolder()
    const env = envOf(folder)
    expect(findInstances(env)).toEqual([])
    const open: RunDir[] = [
      await openRunDir({ root: '/srv/shop', env }),
      await openRunDir({ root: '/srv/blog', name: 'blog', env }),
      await openRunDir({ root: '/srv/wiki', runDir: folder.at('elsewhere'), env }),
    ]
    const names = ['shop', 'blog', 'wiki']
    for (const [index, runDir] of open.entries())
      runDir.publish({ ...state, name: names[index] ?? '', url: 'http://x' })
    expect(findInstances(env).map((instance) => instance.name)).toEqual(['blog', 'shop', 'wiki'])
    expect(readInstance(folder.at('elsewhere'))).toEqual({
      ...state,
      name: 'wiki',
      url: 'http://x',
      pid: process.pid,
      runDir: folder.at('elsewhere'),
      control: folder.at('elsewhere', 'control.sock'),
    })
    for (const runDir of open) await runDir.close()
    expect(findInstances(env)).toEqual([])
    expect(readdirSync(folder.at('rip-server'))).toEqual([])
  })

  describe.skipIf(process.getuid?.() !== 0)(
    'but nothing of another user (needs root to be two users)',
    () => {
      const instanceOf = async (folder: TemporaryFolder): Promise<RunDir> => {
        const runDir = await openRunDir({ root: '/srv/shop', env: envOf(folder) })
        runDir.publish(state)
        return runDir
      }

      test.each(['the folder of instances', 'the run directory', 'the state file'])('%s', async (what) => {
        await using folder = await temporaryFolder()
        await using runDir = await instanceOf(folder)
        const paths: Record<string, string> = {
          'the folder of instances': dirname(runDir.path),
          'the run directory': runDir.path,
          'the state file': join(runDir.path, 'state.json'),
        }
        expect(findInstances(envOf(folder))).toHaveLength(1)
        chownSync(paths[what]!, 65_534, 65_534)
        expect(findInstances(envOf(folder))).toEqual([])
        chownSync(paths[what]!, 0, 0)
      })

      test('a process', async () => {
        await using folder = await temporaryFolder()
        await using runDir = await instanceOf(folder)
        const stranger = Bun.spawn(['setpriv', '--reuid=65534', '--clear-groups', 'sleep', '30'])
        const path = join(runDir.path, 'state.json')
        const content = (await Bun.file(path).json()) as Record<string, unknown>
        const { pid } = stranger
        while (statSync(`/proc/${pid}`).uid !== 65_534) await Bun.sleep(1)
        await Bun.write(path, JSON.stringify({ ...content, pid, startTime: processStartTime(pid) }))
        expect(readInstance(runDir.path)).toBeUndefined()
        stranger.kill('SIGKILL')
      })
    },
  )

  test('a state file whose pid belongs to another process now is no instance', async () => {
    await using folder = await temporaryFolder()
    await using runDir = await openRunDir({ root: '/', env: envOf(folder) })
    runDir.publish(state)
    const path = join(runDir.path, 'state.json')
    const content = (await Bun.file(path).json()) as Record<string, unknown>
    await Bun.write(path, JSON.stringify({ ...content, startTime: '1' }))
    expect(readInstance(runDir.path)).toBeUndefined()
    await Bun.write(path, 'not JSON')
    expect(readInstance(runDir.path)).toBeUndefined()
  })
})
