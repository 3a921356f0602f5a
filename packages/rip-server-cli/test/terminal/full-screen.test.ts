import { describe, expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import { until } from '@rip/testing'

const FULL_SCREEN = fileURLToPath(new URL('../../src/terminal/full-screen.ts', import.meta.url))
/** What a terminal is given back with: line wrap, cursor and the screen from before (DEC private modes 7, 25, 1049). */
const GIVEN_BACK = '\u001b[?7h\u001b[?25h\u001b[?1049l'

/**
 * Runs code with an open screen in a terminal; all that was written, and whether the modes are those from before.
 *
 * @param last what is written at the end, which may be read after the process has ended
 */
async function ended(
  code: string,
  last: string,
): Promise<{ written: string; exitCode: number; isSame: boolean }> {
  const decoder = new TextDecoder()
  let written = ''
  const terminal = new Bun.Terminal({
    data: (_, bytes) => void (written += decoder.decode(bytes, { stream: true })),
  })
  const modes = terminal.localFlags
  const program = `
    const { FullScreen } = await import(${JSON.stringify(FULL_SCREEN)})
    const screen = new FullScreen({ colored: false, onKey: () => {}, onRedraw: () => {} })
    screen.open()
    setTimeout(() => { ${code} }, 0)
    await screen.failed.finally(() => screen.close())`
  const child = Bun.spawn([process.execPath, '-e', program], { terminal })
  const exitCode = await child.exited
  const isSame = terminal.localFlags === modes
  await until(`it writes ${JSON.stringify(last)}`, () => written.includes(last))
  terminal.close()
  return { written, exitCode, isSame }
}

describe('the terminal is as it was', () => {
  test.each([
    ['an exception that nothing catches', `throw new Error('no money')`, 'no money'],
    ['a promise that nobody waits for', `Promise.reject(new Error('no money'))`, 'no money'],
  ])('after %s, which is reported on the screen from before', async (_, code, message) => {
    const { written, exitCode, isSame } = await ended(code, message)
    expect([exitCode, isSame]).toEqual([1, true])
    const [screen = '', behind = ''] = written.split(GIVEN_BACK)
    expect(behind).toContain(message)
    expect(screen).not.toContain(message)
  })

  test('after an exit from anywhere', async () => {
    const { written, exitCode, isSame } = await ended('process.exit(7)', GIVEN_BACK)
    expect([exitCode, isSame]).toEqual([7, true])
    expect(written).toEndWith(GIVEN_BACK)
  })
})
