import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { instancesElsewhere } from '../../src/run-dir/elsewhere.ts'

/** Listens as an instance does, in a folder of this name. */
function listening(folder: string, name: string, ...sockets: string[]): { runDir: string } & Disposable {
  const runDir = join(folder, name)
  mkdirSync(runDir)
  const servers = sockets.map((socket) => Bun.listen({ unix: join(runDir, socket), socket: { data() {} } }))
  return {
    runDir,
    [Symbol.dispose]() {
      for (const server of servers) server.stop(true)
    },
  }
}

test.skipIf(process.platform !== 'linux')(
  'instances elsewhere are found by their sockets; a name that could be taken for a command or move the cursor is left out',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'else-'))
    try {
      using shop = listening(folder, 'shop-1', 'control.sock', 'links.sock')
      using foreign = listening(folder, 'foreign', 'control.sock')
      using hostile = listening(folder, 'a;reboot', 'control.sock', 'links.sock')
      using moving = listening(folder, 'b\u001B[2J', 'control.sock', 'links.sock')
      const found = instancesElsewhere({ XDG_RUNTIME_DIR: join(folder, 'run') })
      const own = found.filter(({ runDir }) => runDir.startsWith(folder))
      expect(own).toEqual([{ runDir: shop.runDir, uid: process.getuid!() }])
      expect([foreign, hostile, moving]).toHaveLength(3)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
