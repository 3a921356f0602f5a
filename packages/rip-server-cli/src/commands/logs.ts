import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readInstance } from '@rip/manager'
import { type LogFormat, settingSpecs, Unacceptable } from '@rip/server/settings'
import { FORMER_LOG_NAME, LOG_NAME } from '@rip/server/text'
import { ExitCode } from '../exit-code.ts'
import { findInstance } from '../instance/find-instance.ts'
import { LogPrinter } from '../instance/log-printer.ts'
import { type LogSelection, patternOf, processName } from '../instance/log-selection.ts'
import { momentOf } from '../instance/since.ts'
import { follows, type Invocation, isOn, readFlag } from '../invocation.ts'
import { endWithReader } from '../terminal/end-with-reader.ts'
import { FollowedFile } from '../terminal/followed-file.ts'

/** How often the log is read for new lines. */
const POLL_MS = 100

/**
 * Prints the recent output of the workers, or what is wanted of it, and unless told otherwise, follows it until the instance
 * has gone.
 */
export async function logs(invocation: Invocation): Promise<number> {
  const printer = printerFor(invocation)
  const isEndless = follows(invocation)
  const { instance, snapshot } = await findInstance(invocation, invocation.line.words[0])
  endWithReader()
  const former = join(instance.runDir, FORMER_LOG_NAME)
  await using log = new FollowedFile(join(instance.runDir, LOG_NAME), former)
  for (;;) {
    const isGone = readInstance(instance.runDir) === undefined
    const bytes = await log.more()
    if (bytes.byteLength > 0) {
      await printer.take(bytes)
      continue
    }
    await printer.endPast(snapshot, existsSync(former))
    if (isGone || !isEndless) return ExitCode.done
    await Bun.sleep(POLL_MS)
  }
}

/** @throws CliError `USAGE` */
function printerFor(invocation: Invocation): LogPrinter {
  const { terminal } = invocation
  const format = formatOf(invocation)
  return new LogPrinter({
    selection: selectionOf(invocation),
    last: readFlag(invocation, 'lines', lineCount),
    format,
    colored: format === 'text' && terminal.colorsData,
    stamped: isOn(invocation, 'timestamps'),
    // Waits, because a pager reads slowly.
    write: (text) => new Promise((resolve) => process.stdout.write(text, resolve)),
    say: (message) => terminal.say(message),
  })
}

function selectionOf(invocation: Invocation): LogSelection {
  return {
    sinceMs: readFlag(invocation, 'since', (text) => momentOf(text, Date.now())),
    names: readFlag(invocation, 'worker', (text) => new Set(text.split(',').map(processName))),
    pattern: readFlag(invocation, 'grep', patternOf),
  }
}

function lineCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Unacceptable('a number of lines')
}

function formatOf(invocation: Invocation): LogFormat {
  const json = isOn(invocation, 'json')
  const format = readFlag(invocation, 'log-format', (text) => {
    const read = settingSpecs.logFormat.parse(text)
    if (json && read !== 'json') throw new Unacceptable('json, as --json was given')
    return read
  })
  return format ?? (json ? 'json' : 'text')
}
