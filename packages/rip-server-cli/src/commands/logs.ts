import { join } from 'node:path'
import { readInstance } from '@rip/manager'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import type { Invocation } from '../invocation.ts'
import { LOG_NAME } from '../serve/log-file.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'
import { FollowedFile } from '../terminal/followed-file.ts'

/** How often the log is looked at for more. */
const POLL_MS = 100

/** Prints what the workers wrote lately and go on to write, until the instance has gone. */
export async function logs(invocation: Invocation): Promise<number> {
  const { instance } = await findInstance(invocation, invocation.line.words[0])
  endWithReader()
  await using log = new FollowedFile(join(instance.runDir, LOG_NAME))
  for (;;) {
    const isGone = readInstance(instance.runDir) === undefined
    const text = await log.more()
    if (text.byteLength > 0) process.stdout.write(text)
    else if (isGone) return ExitCode.done
    else await Bun.sleep(POLL_MS)
  }
}
