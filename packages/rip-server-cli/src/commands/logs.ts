import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import type { Invocation } from '../invocation.ts'
import { LOG_NAME } from '../serve/log-file.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'

/** How often the log is looked at for more. */
const POLL_MS = 100

/** Prints what the workers wrote lately and go on to write, until the instance stops. */
export async function logs(invocation: Invocation): Promise<number> {
  const { instance } = await findInstance(invocation, invocation.line.words[0])
  endWithReader()
  const path = join(instance.runDir, LOG_NAME)
  let read = 0
  while (existsSync(instance.control)) {
    const text = await readFrom(path, read)
    // Shorter than what was read: it has started anew.
    if (text === undefined) read = 0
    else if (text.byteLength === 0) await Bun.sleep(POLL_MS)
    else process.stdout.write(text)
    read += text?.byteLength ?? 0
  }
  return ExitCode.done
}

/** What the file has behind the offset; nothing defined when it ends before. */
async function readFrom(path: string, offset: number): Promise<Buffer | undefined> {
  if (!existsSync(path)) return offset === 0 ? Buffer.alloc(0) : undefined
  await using file = await open(path)
  const { size } = await file.stat()
  if (size < offset) return undefined
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset)
  return buffer.subarray(0, bytesRead)
}
