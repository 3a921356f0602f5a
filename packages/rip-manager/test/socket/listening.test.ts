import { expect, test } from 'bun:test'
import { isListening } from '../../src/socket/listening.ts'
import { temporaryFolder } from '../real.ts'

/** Listens with a queue of one, connects until the queue is full, reports it, and waits. */
const FULL = `import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
kept = []
try:
    for _ in range(10):
        c = socket.socket(socket.AF_UNIX); c.setblocking(False); c.connect(sys.argv[1]); kept.append(c)
except BlockingIOError: print('full', flush=True)
sys.stdin.read()`

/** A read may bring less than a line. */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of output.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true })
    if (text.includes('\n')) break
  }
  return text.split('\n')[0]!
}

test.skipIf(Bun.which('python3') === null)(
  'a socket for which more wait than may is not taken for dead',
  async () => {
    await using folder = await temporaryFolder()
    const path = folder.at('full.sock')
    const child = Bun.spawn(['python3', '-c', FULL, path], { stdin: 'pipe', stdout: 'pipe' })
    expect(await firstLine(child.stdout)).toBe('full')
    expect(await isListening(path)).toBe(true)
    await child.stdin.end()
    await child.exited
    expect(await isListening(path)).toBe(false)
  },
)
